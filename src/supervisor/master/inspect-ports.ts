// Which port the inspector of a child gets when the children run with `--inspect`: the same port at each start of a project, and
// different ports for different projects on the host.

import { createHash } from 'node:crypto';
import type { ResolvedSupervisorOptions } from '../host/options';
import { isFree } from '../../free-port';

const FIRST_PORT = 10_000;
/** Ports per project: two for each slot, because a slot has two children during a reload. */
const BLOCK = 40;
const BLOCKS = 225;

export class InspectPorts {
  readonly #first: number;
  readonly #agent: number | undefined;

  constructor(first: number, agent: number | undefined) {
    this.#first = first;
    this.#agent = agent;
  }

  /** @returns undefined where nothing is inspected */
  static async find(options: ResolvedSupervisorOptions): Promise<InspectPorts | undefined> {
    const { nodeArgs, baseDir, agentInspectPort, startMode } = options;
    if (startMode !== 'process') return undefined; // threads are seen in the inspector of the process
    if (!nodeArgs.some((arg) => /^--inspect(-brk|-wait|-port)?(=|$)/.test(arg))) return undefined;
    let attempt = 0;
    while (attempt < BLOCKS && !(await isFree(firstPortOf(baseDir, attempt)))) attempt++;
    return new InspectPorts(firstPortOf(baseDir, attempt), agentInspectPort);
  }

  /** @param index of the slot; 0 is the agent's @param start counts the starts of the slot */
  of(index: number, start: number): number {
    if (index === 0 && this.#agent !== undefined) return this.#agent;
    return this.#first + ((index * 2) % BLOCK) + ((start + 1) % 2);
  }
}

/** The first port of a project. @param attempt how many blocks were taken by others */
export function firstPortOf(baseDir: string, attempt: number): number {
  const hash = createHash('sha256').update(baseDir).digest().readUInt32BE();
  return FIRST_PORT + ((hash + attempt) % BLOCKS) * BLOCK;
}

// A server program that the demo starts on loopback, in a temporary folder, and ends again.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Changes } from './changes';
import type { ConfigServer } from './config-server';
import { CountedServer, type Count } from './counted-server';
import { Failure, NotInstalled } from './failure';
import { freePort } from './free-port';
import { Program } from './program';

export interface ServerProgram extends Count {
  readonly name: string;
  /** How many free ports the server needs. */
  readonly ports: 1 | 2;
  /** The sentence that says what to install; undefined: everything is there. */
  missing(): string | undefined;
  /** The program with its arguments. */
  command(folder: string, ports: readonly number[]): readonly string[];
  /** The address that selects the client, see shared-settings.ts. */
  url(port: number): string;
}

/** Between two looks whether a new server answers, ms. */
const LOOK_MS = 100;

export class OwnServer implements ConfigServer {
  readonly #program: ServerProgram;
  readonly #changes: Changes;
  #url = '';
  #counted: CountedServer | undefined;
  #keeper: Program<never, never> | undefined;
  #folder: string | undefined;
  #isStopping = false;

  constructor(program: ServerProgram, changes: Changes) {
    this.#program = program;
    this.#changes = changes;
  }

  get name(): string {
    return this.#program.name;
  }

  get url(): string {
    return this.#url;
  }

  get unit(): string {
    return this.#program.unit;
  }

  get countedBy(): string {
    return this.#program.countedBy;
  }

  get connections(): number | undefined {
    return this.#counted?.connections;
  }

  async start(): Promise<void> {
    const missing = this.#program.missing();
    if (missing !== undefined) throw new NotInstalled(missing);
    try {
      this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-server-'));
    } catch (error) {
      throw new Failure(`no temporary folder for ${this.name}: ${(error as Error).message}`);
    }
    const ports = [await freePort(), await freePort()].slice(0, this.#program.ports);
    this.#url = this.#program.url(ports[0]!);
    const args = [this.#folder, ...this.#program.command(this.#folder, ports)];
    this.#keeper = new Program(
      require.resolve('./server-keeper'),
      { args },
      {
        onReport: () => undefined,
        onExit: (how) => {
          if (!this.#isStopping) this.#changes.fail(`${this.name} ${how}`);
        },
      },
    );
    await this.#untilAnswer();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#counted?.stop();
    await this.#keeper?.stop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #untilAnswer(): Promise<void> {
    const counted = new CountedServer(this.#url, this.#program, this.#changes);
    for (;;) {
      try {
        await counted.start();
        this.#counted = counted;
        return;
      } catch {
        await this.#changes.pause(LOOK_MS); // fails at the end of all patience, and when the server has ended
      }
    }
  }
}

/** Whether a program is installed. */
export function isCommand(command: string, ...args: string[]): boolean {
  return spawnSync(command, args.length > 0 ? args : ['--version'], { stdio: 'ignore' }).error === undefined;
}

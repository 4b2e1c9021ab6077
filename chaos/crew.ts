// The members of a run, seen from the driver: a process for each slot; a process that ends is started again.

import { join } from 'node:path';
import { ForkedProcess } from '../src/testing/forked-process';
import { now, type HistoryEntry, type Recorder } from './history';
import type { MemberSetup, Order, Report } from './orders';

/** How much output of an ended process is kept. */
const OUTPUT_CHARACTERS = 4_000;

export class Member {
  readonly slot: number;
  readonly #forked: ForkedProcess;
  readonly #record: Recorder;
  /** Resolves when the process is gone and all reports of the process have arrived. */
  readonly ended: Promise<void>;
  #isEnding = false;
  #isLeaving = false;
  #continuing: NodeJS.Timeout | undefined;

  constructor(setup: MemberSetup, record: Recorder, onEntries: (entries: readonly HistoryEntry[]) => void) {
    this.slot = setup.slot;
    this.#record = record;
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
    const program = join(__dirname, 'member.js');
    const env = setup.folder === undefined ? process.env : { ...process.env, XDG_RUNTIME_DIR: setup.folder };
    this.#forked = new ForkedProcess(program, [JSON.stringify(setup)], { stdio: [...stdio], env }, OUTPUT_CHARACTERS);
    const { child, exited } = this.#forked;
    child.on('message', (message) => onEntries((message as Report).entries));
    child.on('error', () => undefined); // an order to a process that has just ended
    child.once('exit', () => {
      clearTimeout(this.#continuing);
    });
    const reported = new Promise<void>((resolve) => child.once('disconnect', resolve));
    this.ended = Promise.all([exited, reported]).then(([{ code, signal }]) => {
      const how = signal ?? `code ${code}`;
      const wasWanted = this.#isEnding || (this.#isLeaving && how === 'code 0');
      record({ kind: 'exited', pid: this.pid, how, wasWanted, output: wasWanted ? '' : this.#forked.output });
    });
  }

  get pid(): number {
    return this.#forked.pid;
  }

  get isAlive(): boolean {
    return this.#forked.isAlive && !this.#isEnding;
  }

  /** Whether the process will end without a kill. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  get isStopped(): boolean {
    return this.#continuing !== undefined;
  }

  order(order: Order): void {
    if (this.isAlive && this.#forked.child.connected) this.#forked.child.send(order, () => undefined);
  }

  /** @param detail for the history; undefined: no fault, but the end of the run */
  kill(detail?: string): void {
    this.#isEnding = true;
    if (detail !== undefined) this.#record({ kind: 'fault', fault: 'kill', detail, pid: this.pid, until: now() });
    this.#forked.kill('SIGKILL');
  }

  /** Makes the process close all clients, after which the process must end. */
  leave(detail: string): void {
    this.#isLeaving = true;
    this.#record({ kind: 'fault', fault: 'leave', detail, pid: this.pid, until: now() });
    this.order({ order: 'leave' });
  }

  /** The process does not run for a while. */
  stop(ms: number, detail: string): void {
    this.#record({ kind: 'fault', fault: 'stop', detail, pid: this.pid, until: now() + ms });
    this.#forked.kill('SIGSTOP');
    this.#continuing = setTimeout(() => this.continue(), ms);
  }

  continue(): void {
    clearTimeout(this.#continuing);
    this.#continuing = undefined;
    this.#forked.kill('SIGCONT');
  }
}

export class Crew {
  readonly #record: Recorder;
  readonly #onEntries: (entries: readonly HistoryEntry[]) => void;
  readonly #setup: (slot: number) => MemberSetup;
  readonly #respawnMs: () => number;
  readonly #members = new Map<number, Member>();
  /** Slots that wait for the next process. */
  readonly #vacant = new Map<number, NodeJS.Timeout>();
  #isOver = false;

  /** @param respawnMs how long a place stays empty */
  constructor(
    setup: (slot: number) => MemberSetup,
    respawnMs: () => number,
    record: Recorder,
    onEntries: (entries: readonly HistoryEntry[]) => void,
  ) {
    this.#setup = setup;
    this.#respawnMs = respawnMs;
    this.#record = record;
    this.#onEntries = onEntries;
  }

  start(size: number): void {
    for (let slot = 0; slot < size; slot++) this.#fill(slot);
  }

  /** The living members. */
  get members(): Member[] {
    return [...this.#members.values()].filter(({ isAlive }) => isAlive);
  }

  withPid(pid: number | undefined): Member | undefined {
    return this.members.find((member) => member.pid === pid);
  }

  order(order: Order): void {
    for (const member of this.members) member.order(order);
  }

  /** Everybody lives and runs. */
  heal(): void {
    for (const slot of this.#vacant.keys()) this.#fill(slot);
    for (const member of this.members) if (member.isStopped) member.continue();
  }

  /** Whether somebody is missing. */
  get isComplete(): boolean {
    return this.#vacant.size === 0 && [...this.#members.values()].every(({ isAlive, isLeaving }) => isAlive && !isLeaving);
  }

  /** Ends all processes; none is started any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#vacant.values()) clearTimeout(timer);
    this.#vacant.clear();
    const members = [...this.#members.values()];
    for (const member of members) if (member.isAlive) member.kill();
    await Promise.all(members.map(({ ended }) => ended));
  }

  #fill(slot: number): void {
    clearTimeout(this.#vacant.get(slot));
    this.#vacant.delete(slot);
    const member = new Member(this.#setup(slot), this.#record, this.#onEntries);
    this.#members.set(slot, member);
    void member.ended.then(() => {
      if (this.#isOver) return;
      const timer = setTimeout(() => this.#fill(slot), this.#respawnMs());
      this.#vacant.set(slot, timer);
    });
  }
}

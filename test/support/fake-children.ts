// Children of a supervisor without processes: a test says what each child reports, and sees what each child is told.

import { resolveSupervisorOptions, type ProgramOptions, type ResolvedSupervisorOptions } from '../../src/supervisor/host/options';
import type { AppMessage, ToChild, ToMaster } from '../../src/supervisor/messaging/messages';
import type { ChildSpec } from '../../src/supervisor/master/child-handle';
import type { Launched, LaunchEvents, LaunchSpec, Means } from '../../src/supervisor/master/launch';
import { ManualClock } from '../../src/testing/manual-clock';

const FIRST_ID = 1_000_001;

export class FakeChild implements Launched {
  readonly id: number;
  /** Like a thread, which has no process: nobody looks for descendants. */
  readonly processId = undefined;
  readonly spec: LaunchSpec;
  readonly #events: LaunchEvents;
  isConnected = true;
  hasTask = false;
  /** What ends the child was asked for, oldest first: `stop`, `terminate`, `kill`. */
  readonly orders: string[] = [];
  /** Everything that the child was sent. */
  readonly heard: (ToChild | AppMessage)[] = [];

  constructor(id: number, spec: LaunchSpec, events: LaunchEvents) {
    this.id = id;
    this.spec = spec;
    this.#events = events;
  }

  get name(): string {
    return this.spec.task.name;
  }

  begin(): void {
    this.hasTask = true;
  }

  send(message: ToChild | AppMessage, _handle?: object, onSent?: (error: Error | null) => void): void {
    this.heard.push(message);
    if ('trunkline' in message && message.trunkline === 'stop') this.orders.push('stop');
    onSent?.(null);
  }

  terminate(): void {
    this.orders.push('terminate');
  }

  kill(): void {
    this.orders.push('kill');
  }

  /** What the master has told the child, by name. */
  get told(): string[] {
    return this.heard.flatMap((message) => ('trunkline' in message ? [message.trunkline] : []));
  }

  /** The child reports. */
  say(message: ToMaster | AppMessage): void {
    this.#events.onMessage(message);
  }

  becomeReady(): void {
    this.say({ trunkline: 'ready' });
  }

  listen(port: number): void {
    this.say({ trunkline: 'listening', address: { address: '127.0.0.1', port }, isOwn: false });
  }

  disconnect(): void {
    this.isConnected = false;
    this.#events.onDisconnect();
  }

  /** The process ends; last messages may still arrive. */
  exitWithoutClose(code: number | null, signal: string | null = null): void {
    this.isConnected = false;
    this.#events.onExit(code, signal);
  }

  /** The process ends, and its last messages have arrived. */
  async exit(code: number | null, signal: string | null = null): Promise<void> {
    this.exitWithoutClose(code, signal);
    this.#events.onClose();
    await settled();
  }
}

export class FakeChildren {
  readonly clock = new ManualClock();
  /** Every child that was ever launched, oldest first. */
  readonly all: FakeChild[] = [];
  /** The next launches fail. */
  failure: Error | undefined;

  readonly means: Means = {
    clock: this.clock,
    launch: (spec, events) => {
      if (this.failure) throw this.failure;
      const child = new FakeChild(FIRST_ID + this.all.length, spec, events);
      this.all.push(child);
      return child;
    },
  };

  /** The child that was launched last, perhaps in a slot. */
  last(name?: string): FakeChild {
    return this.all.filter((child) => name === undefined || child.name === name).at(-1)!;
  }

  /** Time passes, and everything that follows from that happens. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
    this.clock.advance(0);
    await settled();
  }
}

/** All promise reactions have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function childSpec(given: Partial<ChildSpec> = {}, task: Partial<ChildSpec['task']> = {}): ChildSpec {
  return {
    task: {
      name: 'worker 1',
      kind: 'worker',
      masterPid: process.pid,
      program: { file: 'app.js' },
      baseDir: '/',
      require: [],
      inherits: false,
      clusterPort: 1,
      blockedTimeoutMs: 0,
      profileFile: '/nowhere/blocked.cpuprofile',
      ...task,
    },
    startMode: 'worker_threads',
    workingFolder: undefined,
    env: {},
    nodeArgs: [],
    inspectPort: undefined,
    hardMaxMemoryBytes: undefined,
    isReadyWhenListening: true,
    applicationPort: undefined,
    mastersPort: undefined,
    ...given,
  };
}

/** Resolved options of an application of an agent and workers, whose programs are never loaded. */
export function resolvedOptions(given: Partial<ProgramOptions> = {}): ResolvedSupervisorOptions {
  const app = require.resolve('sdk-base');
  const options = { app, agent: app, workers: 2, clusterPort: 1, nodeArgs: [], compileCache: false, ...given };
  return resolveSupervisorOptions(options, { TRUNKLINE_SECRET: 'a secret of the test' });
}

// What happens in a child: load the program, report when the program is ready, pass messages, and end in order when told to or
// when the master is gone.

import cluster from 'node:cluster';
import type net from 'node:net';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { markEnding, openClients } from '../../seat';
import { soon, systemClock, within, type Clock } from '../../time';
import type { Postbox } from '../messaging/messenger';
import { asAppMessage, isOurs, type Address, type ChildTask, type ToChild } from '../messaging/messages';
import { ClientReports } from './client-reports';
import { describeError, listenRefusal } from './describe-error';
import { runFramework } from './framework-program';
import { link, type Link } from './link';
import { loadNamed } from './load-module';
import { OwnListeners, type ListeningHandle } from './own-listeners';
import { refuseLostConnections } from './lost-connections';
import { installRuntime } from './runtime';
import { ServerSockets } from './server-sockets';
import { StickyInlet } from './sticky-inlet';
import { outputWritten } from './written-output';

/** How long an orphan may take to finish, ms. */
const ORPHAN_MS = 750;
/** How long a child may take to end after leaving the living master by `disconnect()`, ms. */
const LEFT_MS = 5_000;
/** The share of a stop in which connections may finish; the rest is for callbacks. */
const DRAIN_SHARE = 0.8;
/** How long clients of the shared client may take to close, ms: a hand-off takes 2 s at most. */
const CLOSE_MS = 2_500;
/** How long the master may take to say farewell, ms. */
const FAREWELL_MS = 250;
/** What can wait until the start is over begins after this time, ms, at the latest: another child may need minutes. */
const START_MS = 2_000;
/**
 * How long the program of a child waits for the listening sockets of the previous child, ms: the limit of the master is shorter.
 */
const INHERIT_MS = 2_000;
/** How often a child reports its health, ms, unless a shorter `blockedTimeout` needs more reports. */
const ALIVE_MS = 1_000;

type StopCallback = () => unknown;

interface Module {
  readonly default?: { readonly __esModule?: unknown; readonly default?: unknown };
}

/** What surrounds the runtime: the real process, except in tests. */
export interface ChildSurroundings {
  /** Ends the process. */
  readonly exit: (code: number) => void;
  /** Where a framework explains errors, if the user has named such a place. */
  readonly faq?: string | undefined;
  readonly link?: Link;
  readonly clock?: Clock;
  readonly host?: Pick<NodeJS.Process, 'chdir' | 'listenerCount' | 'on' | 'ppid'>;
  /** Loads the program. */
  readonly load?: (file: string) => Promise<unknown>;
}

export class ChildRuntime {
  readonly #task: ChildTask;
  readonly #exit: (code: number) => void;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #host: NonNullable<ChildSurroundings['host']>;
  readonly #loadFile: (file: string) => Promise<unknown>;
  readonly #describe: (error: unknown) => string;
  readonly #sockets: ServerSockets;
  readonly #inlet: StickyInlet;
  readonly #listeners = new OwnListeners();
  readonly #inherited: Promise<void>;
  #onInherited!: () => void;
  readonly #onceStarted: (() => void)[] = [];
  readonly #onDrain: StopCallback[] = [];
  readonly #onStop: StopCallback[] = [];
  readonly #postbox: Postbox;
  readonly #reports: ClientReports;
  #stopping = false;
  #isLoaded = false;
  /** Whether the program has reported to be ready, or listens. */
  #isReady = false;
  #onFarewell: () => void = () => undefined;

  constructor(task: ChildTask, surroundings: ChildSurroundings) {
    this.#task = task;
    this.#exit = surroundings.exit;
    this.#link = surroundings.link ?? link;
    this.#clock = surroundings.clock ?? systemClock;
    this.#host = surroundings.host ?? process;
    this.#loadFile = surroundings.load ?? ((file) => import(pathToFileURL(file).href));
    this.#describe = (error) => describeError(error, surroundings.faq);
    this.#inherited = new Promise((resolve) => (this.#onInherited = resolve));
    this.#clock.setTimeout(() => this.#tellStarted(), START_MS).unref();
    this.#sockets = new ServerSockets((address, server) => this.#onListening(address, server));
    this.#inlet = new StickyInlet({
      servers: () => this.#sockets.servers,
      port: () => task.stickyPort,
      tell: (reply, then) => this.#link.send(reply, then),
      onConnection: (socket, server, hasData) => this.#sockets.add(socket, server, hasData),
    });
    this.#postbox = installRuntime(this, (mail) => this.#link.send(mail));
    this.#reports = new ClientReports(this.#clock, (health) => this.#link.send({ trunkline: 'alive', ...health }));
  }

  /**
   * Calls back when the start is over, so that nobody waits for what is done then; after two seconds in any case. A program that
   * blocks the loop while it is loaded delays it. The callback runs with the message of the master: the next message may block the loop.
   */
  onceStarted(callback: () => void): void {
    this.#onceStarted.push(callback);
  }

  /**
   * Loads the program. An agent is ready after loading; a worker when a server listens; either may report readiness explicitly.
   */
  async run(): Promise<void> {
    this.#sockets.observe();
    this.#listeners.observe();
    const replayEarly = this.#link.onMessage((message, handle) => this.#onMessage(message, handle));
    // Without this listener node:cluster ends the worker at once when the master is gone.
    if (cluster.worker) {
      cluster.worker.exitedAfterDisconnect = true;
      refuseLostConnections();
    }
    this.#link.onDisconnect(() => void this.#stop(this.#host.ppid === this.#task.masterPid ? LEFT_MS : ORPHAN_MS, false));
    if (isMainThread) {
      // The master decides: Ctrl-C, the end of a terminal and a service manager's SIGTERM go to the whole group, in no order.
      for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const) this.#host.on(signal, () => undefined);
      this.#host.on('SIGTERM', () => this.#link.send({ trunkline: 'sigterm' }));
    }
    this.#host.on('uncaughtExceptionMonitor', (error) => {
      if (this.#host.listenerCount('uncaughtException') > 0) return;
      this.#link.send({ trunkline: 'failed', reason: this.#describe(error) });
      // Node.js would print another stack next to the sentence of the master.
      if (isMainThread && listenRefusal(error) !== undefined) this.#exit(1);
    });
    if (this.#task.inherits) await within(this.#clock, INHERIT_MS, this.#inherited);
    try {
      await this.#load();
      replayEarly();
      this.#isLoaded = true;
      this.#endStart();
    } catch (error) {
      if (this.#stopping) return; // the awaited step was cancelled by the stop
      this.#link.send({ trunkline: 'failed', reason: this.#describe(error) }, () => this.#exit(1));
      return;
    }
    this.#reportHealth();
  }

  /** The program reports readiness. */
  ready(): void {
    this.#link.send({ trunkline: 'ready' });
    this.#isReady = true;
    this.#endStart();
  }

  /** A program that is loaded and ready has registered all handlers. */
  #endStart(): void {
    if (this.#isLoaded && this.#isReady) this.#postbox.endStart();
  }

  /** Runs before the process ends, after all connections have finished; last registered first. */
  onStop(callback: StopCallback): void {
    this.#onStop.push(callback);
  }

  /** Runs when the process accepts nothing more, while connections finish. */
  onDrain(callback: StopCallback): void {
    this.#onDrain.push(callback);
  }

  async #load(): Promise<void> {
    const { kind, program, baseDir, require: modules } = this.#task;
    if (isMainThread) this.#host.chdir(baseDir);
    for (const module of modules) await loadNamed(module, baseDir);
    if ('framework' in program) {
      const host = { kind, baseDir, onStop: (callback: StopCallback) => this.onStop(callback) };
      this.#link.send({ trunkline: 'ready', address: await runFramework(program.framework, program.options, host) });
      this.#isReady = true;
      return;
    }
    const module = (await this.#loadFile(program.file)) as Module;
    // A promise that the module exports; compiled TypeScript nests the promise one level deeper.
    await (module.default?.__esModule ? module.default.default : module.default);
    if (kind === 'agent') this.ready();
  }

  #tellStarted(): void {
    for (const callback of this.#onceStarted.splice(0)) callback();
  }

  #onListening(address: Parameters<typeof plain>[0], server: net.Server): void {
    const isOwn = this.#listeners.has(server);
    // Node.js reports the server before calling the program back: what the program does in the callback belongs to the start.
    soon(() => {
      this.#link.send({ trunkline: 'listening', address: plain(address), isOwn });
      this.#isReady = true;
      this.#endStart();
    });
  }

  #onMessage(message: unknown, handle: unknown): void {
    if (isOurs(message)) this.#onOurs(message as ToChild, handle);
    else {
      const given = asAppMessage(message);
      if (given) this.#postbox.receiveUnheard(given);
    }
  }

  #onOurs(message: ToChild, handle: unknown): void {
    switch (message.trunkline) {
      case 'stop':
        void this.#stop(message.withinMs, message.gently);
        return;
      case 'farewell':
        this.#onFarewell();
        return;
      case 'delivered':
        this.#postbox.onDelivered(message.id, message.action, message.delivery);
        return;
      case 'connection':
        this.#inlet.take(message, handle as net.Socket | undefined);
        return;
      case 'bequeath':
        for (const { key, handle } of this.#listeners.open()) this.#link.sendHandle({ trunkline: 'legacy', key }, handle);
        this.#link.send({ trunkline: 'bequeathed' });
        return;
      case 'inherit':
        if (handle) this.#listeners.inherit(message.key, handle as ListeningHandle);
        return;
      case 'inherited':
        this.#onInherited();
        return;
      case 'installed':
        this.#listeners.closeUnclaimed();
        return;
      case 'started':
        this.#tellStarted();
        return;
      case 'look':
        this.#reports.onLook(message);
        return;
      case 'mail':
        if (message.withinMs === 0) {
          this.#postbox.receiveUnheard(message);
          return;
        }
        this.#postbox.receive(message).then(
          () => this.#link.send({ trunkline: 'handled', id: message.id }),
          (error: unknown) => this.#link.send({ trunkline: 'handled', id: message.id, reason: this.#describe(error) }),
        );
    }
  }

  #reportHealth(): void {
    const { blockedTimeoutMs } = this.#task;
    const report = (): void => this.#reports.send();
    report();
    setInterval(report, blockedTimeoutMs > 0 ? Math.min(ALIVE_MS, blockedTimeoutMs / 4) : ALIVE_MS).unref();
  }

  async #stop(withinMs: number, gently: boolean): Promise<void> {
    this.#clock.setTimeout(() => this.#link.send({ trunkline: 'overrun' }, () => this.#exit(1)), withinMs).unref();
    if (this.#stopping) {
      if (!gently) this.#sockets.hurry(withinMs * DRAIN_SHARE); // a second order to stop is urgent
      return;
    }
    this.#stopping = true;
    markEnding();
    const drained = this.#sockets.drain(withinMs * DRAIN_SHARE, gently);
    const [hasFailed] = await Promise.all([runInOrder(this.#onDrain), drained]);
    const hasFailedToo = await runInOrder(this.#onStop.reverse());
    await closeClients();
    await this.#farewell();
    await outputWritten();
    this.#exit(hasFailed || hasFailedToo ? 1 : 0);
  }

  /**
   * A connection that the master has just handed to this process goes back to the master and on to another process: wait for
   * that.
   */
  #farewell(): Promise<void> {
    return new Promise((resolve) => {
      const limit = this.#clock.setTimeout(resolve, FAREWELL_MS);
      this.#onFarewell = () => {
        this.#clock.clearTimeout(limit);
        resolve();
      };
      if (this.#link.isConnected) this.#link.send({ trunkline: 'leaving' });
      else this.#onFarewell();
    });
  }
}

/** The fields of an address that are passed on. */
function plain(address: Address): Address {
  return typeof address === 'string' ? address : { address: address.address, port: address.port };
}

/** Closes clients that the program has left open: led channels are handed over, calls under way are answered. */
async function closeClients(): Promise<void> {
  const closed = Promise.allSettled([...openClients()].map((close) => close()));
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
}

/** @returns whether any callback has failed; the others run all the same */
async function runInOrder(callbacks: readonly StopCallback[]): Promise<boolean> {
  let hasFailed = false;
  for (const callback of callbacks) {
    try {
      await callback();
    } catch (error) {
      console.error(error);
      hasFailed = true;
    }
  }
  return hasFailed;
}

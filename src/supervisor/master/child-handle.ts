// The master's view of a child: started, ready, gone. The code inside of the child is child-runtime.ts.

import type { Socket } from 'node:net';
import {
  asAppMessage,
  isOurs,
  type Address,
  type AppMessage,
  type Delivery,
  type Health,
  type Mail,
  type ToChild,
  type ToMaster,
} from '../messaging/messages';
import { asListeningSocket, Bequest, type ListeningSocket } from './bequest';
import { Backlog } from '../messaging/backlog';
import { oomKills } from '../host/container-limits';
import { ChildDescendants } from './child-descendants';
import { describeEnd, endKindOf, type EndKind } from './end-report';
import { begun, exited, hasExited, hasTask, ordered, ordersOf, type ChildLife, type Exit } from './child-life';
import { Handover } from './handover';
import { realMeans, type Launched, type LaunchSpec, type Means } from './launch';
import { Listening, type ExpectedListening } from './listening';
import { LoopWatch } from './loop-watch';

export interface ChildSpec extends LaunchSpec, ExpectedListening {}

export interface ChildEnd extends Exit {
  /** In plain words, as in `worker 1 …`. */
  readonly description: string;
  readonly kind: EndKind;
  /** What is known about the failure. */
  readonly reason: string | undefined;
}

/** `leaving`: the child was told to end, or is being killed. */
export type ChildState = 'starting' | 'ready' | 'leaving' | 'gone';

/** What a child reports to the slot. */
export interface ChildEvents {
  onReady(): void;
  /** A server of the child listens, but not on the port of the application. */
  onListeningElsewhere(): void;
  /** SIGTERM from somebody else. */
  onSigterm(): void;
  onHealth(health: Health): void;
  /** The event loop has not turned for the time of the option. */
  onBlocked(): void;
  onMessage(message: AppMessage): void;
  onMail(mail: Mail, tell: (delivery: Delivery) => void): void;
  onHandled(id: number, reason: string | undefined): void;
  /** The channel of the child takes messages again. */
  onDrained(): void;
}

/** A child gets a little less than the time after which the master kills: an orderly end is better. */
const MARGIN = 0.95;
/** The last messages of a child may arrive after the exit, or the exit after the last messages, but not later than this, ms. */
const LAST_WORDS_MS = 200;

export class ChildHandle {
  readonly #launched: Launched | undefined;
  readonly #handover = new Handover({ send: (message, socket, onSent) => this.#launched?.send(message, socket, onSent) });
  readonly #backlog = new Backlog(() => this.#events.onDrained());
  readonly #bequest = new Bequest(() => this.#launched?.send({ trunkline: 'bequeath' }));
  readonly #events: ChildEvents;
  readonly #spec: ChildSpec;
  readonly #means: Means;
  readonly #listening: Listening;
  readonly #loop: LoopWatch;
  readonly #descendants = new ChildDescendants(() => (hasExited(this.#life) ? undefined : this.processId));
  #life: ChildLife = { phase: 'waiting' };
  /** When the child became ready; the report may be among the last messages of a child that has exited. */
  #readyAt: number | undefined;
  /** What is known of a failure. */
  #reason: string | undefined;
  #hasOwnListeners = false;
  /** The child has said that it could not end in time. */
  #hasOverrun = false;
  #health: Health | undefined;
  #oomKillsBefore = oomKills();
  #onReady!: () => void;
  #onGone!: (end: ChildEnd | undefined) => void;
  #onEnded!: (outcome: { neededForce: boolean }) => void;

  /** Resolves when the child reports readiness; never, if that does not happen. */
  readonly ready: Promise<void>;
  /**
   * Resolves with the end of the child; or with undefined when the child lives but cannot be spoken to after
   * `process.disconnect()`.
   */
  readonly gone: Promise<ChildEnd | undefined>;
  /**
   * Resolves when the child and all descendants have ended. `neededForce`: the child did not end in time, or something was
   * killed.
   */
  readonly ended: Promise<{ readonly neededForce: boolean }>;

  /** Starts the process or thread, which does nothing before `begin`. A failure to start is reported as an end. */
  constructor(spec: ChildSpec, events: ChildEvents, means: Means = realMeans) {
    this.#spec = spec;
    this.#events = events;
    this.#means = means;
    this.#listening = new Listening(spec);
    this.#loop = new LoopWatch(spec.task.blockedTimeoutMs, means.clock, () => events.onBlocked());
    this.ready = new Promise((resolve) => (this.#onReady = resolve));
    this.gone = new Promise((resolve) => (this.#onGone = resolve));
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
    try {
      this.#launched = means.launch(spec, {
        onMessage: (message, handle) => this.#onMessage(message, handle),
        onListening: (address) => this.#onListening(address),
        onError: (error) => this.#failed(error),
        onDisconnect: () => this.#onDisconnect(),
        onExit: (code, signal) => this.#onExit(code, signal),
        onClose: () => this.#onClose(),
      });
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** Lets the child load the user's program. */
  begin(): void {
    this.#life = begun(this.#life);
    this.#launched?.begin();
  }

  get inspectPort(): number | undefined {
    return this.#spec.inspectPort;
  }

  /** Where the child keeps evidence of a blocked loop; undefined for a thread. */
  get profileFile(): string | undefined {
    return this.#spec.startMode === 'process' ? this.#spec.task.profileFile : undefined;
  }

  get blockedTimeoutMs(): number {
    return this.#spec.task.blockedTimeoutMs;
  }

  get pid(): number | undefined {
    return this.#launched?.id;
  }

  /** The pid of a child process; undefined for a thread. */
  get processId(): number | undefined {
    return this.#launched?.processId;
  }

  get state(): ChildState {
    switch (this.#life.phase) {
      case 'waiting':
      case 'working':
        return this.#readyAt === undefined ? 'starting' : 'ready';
      case 'leaving':
        return 'leaving';
      case 'exited':
      case 'ended':
        return 'gone';
    }
  }

  /** Whether the child was ready once and has not exited: the program handles messages. */
  get handlesMessages(): boolean {
    return this.#readyAt !== undefined && !hasExited(this.#life);
  }

  /** Whether the event loop has not turned for too long, and is still not turning. */
  get isBlocked(): boolean {
    return this.#loop.isBlocked;
  }

  /** For how long the child has been ready, ms. */
  get readyForMs(): number | undefined {
    return this.#readyAt === undefined ? undefined : this.#means.clock.now() - this.#readyAt;
  }

  /** Where the child listens. */
  get address(): Address | undefined {
    return this.#listening.address;
  }

  get isReadyWhenListening(): boolean {
    return this.#spec.isReadyWhenListening;
  }

  /** Why the child is not ready yet, in words that follow the name of the child. */
  get whyNotReady(): string {
    return this.#listening.whyNotReady;
  }

  get health(): Health | undefined {
    return this.#health;
  }

  /** Whether the child was asked to end. */
  get wasTold(): boolean {
    return ordersOf(this.#life).has('stop');
  }

  /** Asks the child to finish all work and to end. */
  stop(withinMs: number, gently: boolean): void {
    this.#life = ordered(this.#life, 'stop');
    this.#descendants.look();
    if (hasTask(this.#life) && this.#launched?.isConnected)
      this.#launched.send({ trunkline: 'stop', withinMs: withinMs * MARGIN, gently });
    else this.#launched?.terminate();
  }

  /** Ends the child now; works for a suspended child too. @param reason why, for the report of the end */
  kill(reason?: string): void {
    this.#reason ??= reason;
    this.#life = ordered(this.#life, 'kill');
    this.#descendants.look();
    this.#launched?.kill();
  }

  /** A message to a child that is just gone is dropped silently: the end is reported. */
  send(message: AppMessage): void {
    if (!this.#launched) return;
    const hasLeft = this.#backlog.add();
    try {
      this.#launched.send(message, undefined, hasLeft);
    } catch (error) {
      hasLeft(); // the message cannot be encoded
      throw error;
    }
  }

  /** Whether the channel of the child is full, because the child does not read. */
  get isCongested(): boolean {
    return this.#backlog.isFull;
  }

  /** Whether so many messages are unread that none may be added. */
  get isOverloaded(): boolean {
    return this.#backlog.isOverfull;
  }

  /**
   * Gives the next child, which waits for that, the listening sockets that belong to this child alone. Both use the sockets
   * then.
   */
  async bequeath(successor: ChildHandle): Promise<void> {
    const legacies = this.#hasOwnListeners && this.#launched?.isConnected ? await this.#bequest.collect() : [];
    for (const { key, socket } of legacies) successor.#pass({ trunkline: 'inherit', key }, socket);
    successor.#launched?.send({ trunkline: 'inherited' });
  }

  #pass(message: ToChild, socket: ListeningSocket): void {
    if (this.#launched) this.#launched.send(message, socket, () => socket.close());
    else socket.close();
  }

  tell(message: Extract<ToChild, { trunkline: 'installed' | 'started' | 'look' }>): void {
    this.#launched?.send(message);
  }

  /** Gives the child a connection. @returns whether the child has taken the connection */
  hand(socket: Socket, head: Buffer | undefined): Promise<boolean> {
    return this.#handover.hand(socket, head);
  }

  #onExit(code: number | null, signal: string | null): void {
    this.#life = exited(this.#life, { code, signal });
    this.#loop.end();
    this.#means.clock.setTimeout(() => void this.#end(), LAST_WORDS_MS);
  }

  #onClose(): void {
    this.#bequest.onAll();
    this.#handover.onEnded();
    void this.#end();
  }

  /** A child that has ended cannot be spoken to either: wait for the end. */
  #onDisconnect(): void {
    const lookAgain = (): void => {
      if (!hasExited(this.#life)) this.#onGone(undefined);
    };
    this.#means.clock.setTimeout(lookAgain, LAST_WORDS_MS).unref();
  }

  async #end(): Promise<void> {
    if (this.#life.phase !== 'exited') return;
    const { exit, orders } = (this.#life = { ...this.#life, phase: 'ended' });
    const reason = this.#reason;
    const oom = { oomKillsBefore: this.#oomKillsBefore, oomKillsNow: oomKills() };
    const facts = { ...exit, reason, wasKilledByUs: orders.has('kill'), ...oom };
    this.#onGone({ ...exit, description: describeEnd(facts), kind: endKindOf(facts), reason });
    const forced = await this.#descendants.terminate();
    this.#onEnded({ neededForce: exit.signal === 'SIGKILL' || this.#hasOverrun || forced });
  }

  /** Without a process there will be no exit. */
  #failed(error: Error): void {
    this.#reason ??= error.message;
    if (this.pid !== undefined) return;
    this.#life = exited(this.#life, { code: null, signal: null });
    void this.#end();
  }

  #onMessage(message: unknown, handle: unknown): void {
    if (isOurs(message)) {
      this.#onOurs(message as ToMaster, handle);
      return;
    }
    const given = asAppMessage(message);
    if (given) this.#events.onMessage(given);
  }

  #onOurs(message: ToMaster, handle: unknown): void {
    switch (message.trunkline) {
      case 'ready':
        this.#becomeReady(message.address);
        return;
      case 'listening':
        this.#hasOwnListeners ||= message.isOwn;
        this.#onListening(message.address);
        return;
      case 'legacy': {
        const socket = asListeningSocket(handle);
        if (socket) this.#bequest.onSocket(message.key, socket);
        return;
      }
      case 'bequeathed':
        this.#bequest.onAll();
        return;
      case 'failed':
        this.#reason = message.reason;
        this.#descendants.look();
        return;
      case 'sigterm':
        this.#events.onSigterm();
        return;
      case 'overrun':
        this.#hasOverrun = true;
        return;
      case 'leaving':
        this.#descendants.look();
        this.#launched?.send({ trunkline: 'farewell' });
        return;
      case 'alive':
        this.#onAlive(message);
        return;
      case 'mail':
        this.#events.onMail(message, (delivery) => {
          this.#launched?.send({ trunkline: 'delivered', id: message.id, action: message.action, delivery });
        });
        return;
      case 'handled':
        this.#events.onHandled(message.id, message.reason);
        return;
      case 'taken':
        this.#handover.onTaken(message.id);
        return;
      case 'refused':
        this.#handover.onRefused(message.id);
        return;
    }
  }

  #onAlive(health: Health): void {
    this.#health = health;
    this.#descendants.onReport();
    this.#oomKillsBefore = oomKills();
    this.#loop.onReport(!health.isInspected && !hasExited(this.#life));
    this.#events.onHealth(health);
  }

  #onListening(address: Address): void {
    const objection = this.#listening.objectionTo(address);
    if (objection !== undefined) {
      this.kill(objection);
      return;
    }
    switch (this.#listening.note(address)) {
      case 'elsewhere':
        if (this.#readyAt === undefined) this.#events.onListeningElsewhere();
        return;
      case 'application':
        if (this.#spec.isReadyWhenListening) this.#becomeReady();
    }
  }

  #becomeReady(address?: Address): void {
    if (address !== undefined) this.#listening.onNamed(address);
    if (this.#readyAt !== undefined) return;
    this.#readyAt = this.#means.clock.now();
    this.#onReady();
    this.#events.onReady();
  }
}

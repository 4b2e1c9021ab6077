// The master's view of a child: started, ready, gone. The code inside of the child is child-runtime.ts.

import type { Socket } from 'node:net';
import { patientTimeout, systemClock, type Patience } from '../../time';
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
import { Descendants } from './descendants';
import { describeEnd } from './end-report';
import { Handover } from './handover';
import { mastersOwn } from './port-hint';
import { launch, type Launched, type LaunchSpec } from './launch';

export interface ChildSpec extends LaunchSpec {
  /** Whether a listening server makes the child ready; other children report readiness. */
  readonly isReadyWhenListening: boolean;
  /** The port where the application is expected; a server elsewhere (metrics, administration) is not the application. */
  readonly applicationPort: number | undefined;
  /** A port that the master reserves: a child must not listen there. */
  readonly mastersPort: number | undefined;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** In plain words, as in `worker 1 …`. */
  readonly description: string;
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
/** After this many reports of a child the master looks for descendants. */
const LOOK_EVERY = 10;
/** How long descendants of a child may take to end after the child, ms. */
const DESCENDANTS_MS = 500;

export class ChildHandle {
  readonly #launched: Launched | undefined;
  readonly #handover = new Handover({ send: (message, socket, onSent) => this.#launched?.send(message, socket, onSent) });
  readonly #backlog = new Backlog(() => this.#events.onDrained());
  readonly #bequest = new Bequest(() => this.#launched?.send({ trunkline: 'bequeath' }));
  readonly #events: ChildEvents;
  readonly #spec: ChildSpec;
  #reason: string | undefined;
  #readyAt: number | undefined;
  #address: Address | undefined;
  #elsewhere: Address | undefined;
  #hasOwnListeners = false;
  #health: Health | undefined;
  #oomKillsBefore = oomKills();
  #descendants: Descendants | undefined;
  #blocked: Patience | undefined;
  #exit: Pick<ChildEnd, 'code' | 'signal'> | undefined;
  #isBlocked = false;
  #reports = 0;
  #hasBegun = false;
  #hasEnded = false;
  #hasOverrun = false;
  #wasTold = false;
  #wasKilled = false;
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
  constructor(spec: ChildSpec, events: ChildEvents) {
    this.#spec = spec;
    this.#events = events;
    this.ready = new Promise((resolve) => (this.#onReady = resolve));
    this.gone = new Promise((resolve) => (this.#onGone = resolve));
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
    try {
      this.#launched = launch(spec, {
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
    this.#hasBegun = true;
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
    if (this.#exit) return 'gone';
    if (this.#wasTold || this.#wasKilled) return 'leaving';
    return this.#readyAt === undefined ? 'starting' : 'ready';
  }

  /** Whether the child was ready once and has not exited: the program handles messages. */
  get handlesMessages(): boolean {
    return this.#readyAt !== undefined && !this.#exit;
  }

  /** Whether the event loop has not turned for too long, and is still not turning. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** For how long the child has been ready, ms. */
  get readyForMs(): number | undefined {
    return this.#readyAt === undefined ? undefined : performance.now() - this.#readyAt;
  }

  /** Where the child listens. */
  get address(): Address | undefined {
    return this.#address;
  }

  get isReadyWhenListening(): boolean {
    return this.#spec.isReadyWhenListening;
  }

  /** Why the child is not ready yet, in words that follow the name of the child. */
  get whyNotReady(): string {
    if (!this.#spec.isReadyWhenListening) return 'it has not said that it is ready';
    if (this.#elsewhere === undefined) return 'it neither listens nor calls ready()';
    const where = typeof this.#elsewhere === 'string' ? this.#elsewhere : `port ${this.#elsewhere.port}`;
    const expected = `port ${this.#spec.applicationPort}, which makes it ready`;
    return `it listens on ${where}, but not on ${expected}; it may also call ready()`;
  }

  get health(): Health | undefined {
    return this.#health;
  }

  /** Whether the child was asked to end. */
  get wasTold(): boolean {
    return this.#wasTold;
  }

  /** Asks the child to finish all work and to end. */
  stop(withinMs: number, gently: boolean): void {
    this.#wasTold = true;
    this.#lookForDescendants();
    if (this.#hasBegun && this.#launched?.isConnected)
      this.#launched.send({ trunkline: 'stop', withinMs: withinMs * MARGIN, gently });
    else this.#launched?.terminate();
  }

  /** Ends the child now; works for a suspended child too. @param reason why, for the report of the end */
  kill(reason?: string): void {
    this.#reason ??= reason;
    this.#wasKilled = true;
    this.#lookForDescendants();
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

  /** The child occupies the slot now, and may drop inherited sockets without a user. */
  install(): void {
    this.#launched?.send({ trunkline: 'installed' });
  }

  /** Nobody waits for a start any more: the child does what it has put off. */
  tellStarted(): void {
    this.#launched?.send({ trunkline: 'started' });
  }

  /** Looks while the child lives: afterwards descendants cannot be found. */
  #lookForDescendants(): void {
    const { processId } = this.#launched ?? {};
    if (processId === undefined || this.#exit) return;
    const found = Descendants.of(processId);
    if (this.#descendants) this.#descendants.add(found);
    else this.#descendants = found;
  }

  /** Gives the child a connection. @returns whether the child has taken the connection */
  hand(socket: Socket, head: Buffer | undefined): Promise<boolean> {
    return this.#handover.hand(socket, head);
  }

  #onExit(code: number | null, signal: string | null): void {
    this.#exit = { code, signal };
    this.#blocked?.cancel();
    setTimeout(() => void this.#end(), LAST_WORDS_MS);
  }

  #onClose(): void {
    this.#bequest.onAll();
    this.#handover.onEnded();
    void this.#end();
  }

  /** A child that has ended cannot be spoken to either: wait for the end. */
  #onDisconnect(): void {
    setTimeout(() => !this.#exit && this.#onGone(undefined), LAST_WORDS_MS).unref();
  }

  async #end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { code, signal } = this.#exit!;
    const reason = this.#reason;
    const oom = { oomKillsBefore: this.#oomKillsBefore, oomKillsNow: oomKills() };
    const description = describeEnd({ code, signal, reason, wasKilledByUs: this.#wasKilled, ...oom });
    this.#onGone({ code, signal, description, reason });
    const forced = await this.#descendants?.terminate(DESCENDANTS_MS);
    this.#onEnded({ neededForce: signal === 'SIGKILL' || this.#hasOverrun || forced === true });
  }

  /** Without a process there will be no exit. */
  #failed(error: Error): void {
    this.#reason ??= error.message;
    if (this.pid !== undefined) return;
    this.#exit = { code: null, signal: null };
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
        this.#lookForDescendants();
        return;
      case 'sigterm':
        this.#events.onSigterm();
        return;
      case 'overrun':
        this.#hasOverrun = true;
        return;
      case 'leaving':
        this.#lookForDescendants();
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
    this.#isBlocked = false;
    // If something else kills the child, descendants can no longer be found, and are therefore recorded periodically.
    if (++this.#reports % LOOK_EVERY === 0) this.#lookForDescendants();
    this.#oomKillsBefore = oomKills();
    this.#blocked?.cancel();
    const { blockedTimeoutMs } = this.#spec.task;
    if (blockedTimeoutMs > 0 && !health.isInspected && !this.#exit)
      this.#blocked = patientTimeout(systemClock, blockedTimeoutMs, () => {
        this.#isBlocked = true;
        this.#events.onBlocked();
      });
    this.#events.onHealth(health);
  }

  #onListening(address: Address): void {
    const port = portOf(address);
    if (port !== undefined && port === this.#spec.mastersPort) {
      this.kill(`it listens on port ${port}, but ${mastersOwn(port)}`);
      return;
    }
    if (!this.#isApplication(address)) {
      this.#elsewhere ??= address;
      if (this.#readyAt === undefined) this.#events.onListeningElsewhere();
      return;
    }
    this.#address ??= address;
    if (this.#spec.isReadyWhenListening) this.#becomeReady();
  }

  #isApplication(address: Address): boolean {
    const { applicationPort } = this.#spec;
    return applicationPort === undefined || portOf(address) === applicationPort;
  }

  #becomeReady(address?: Address): void {
    this.#address = address ?? this.#address;
    if (this.#readyAt !== undefined) return;
    this.#readyAt = performance.now();
    this.#onReady();
    this.#events.onReady();
  }
}

function portOf(address: Address): number | undefined {
  return typeof address === 'object' ? address.port : undefined;
}

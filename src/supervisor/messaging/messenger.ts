// Messages between the processes of an application, for programs without a framework. The same object stands in the master, the
// agent and the workers; only the way of posting differs.

import { TrunklineError } from '../../errors';
import { isTimerMs, LONGEST_TIMER_MS, nextTick } from '../../time';
import type { AppMessage, Delivery, Mail } from './messages';

/**
 * The messages of an application and the data of each message. Extend this interface to have typed messages: `declare module
 * 'trunkline/supervisor' { interface Messages { 'cache.clear': { key: string } } }`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- filled by users
export interface Messages {}

export type Action = keyof Messages | (string & {});
export type DataOf<A> = A extends keyof Messages ? Messages[A] : unknown;
export type Handler<A extends Action = Action> = (data: DataOf<A>) => unknown;

/**
 * Data may be anything that JSON can carry. A message waits until the receiver is ready, also when the receiver is being
 * replaced.
 */
export interface Messenger {
  /** Handles messages. If the handler returns a promise, the message counts as handled when the promise is fulfilled. */
  on<A extends Action>(action: A, handler: Handler<A>): this;
  off<A extends Action>(action: A, handler: Handler<A>): this;
  /**
   * Reports own messages that could not be delivered: the receiver is gone, or too many messages waited for the receiver (1000).
   */
  onUndelivered(listener: (action: string, delivery: Delivery) => void): this;
  /** To every worker, the sender included. */
  sendToApp<A extends Action>(action: A, data: DataOf<A>): void;
  sendToAgent<A extends Action>(action: A, data: DataOf<A>): void;
  /** To a single process of the application, which may be the master. */
  sendTo<A extends Action>(pid: number | string, action: A, data: DataOf<A>): void;
  /** To any single worker. */
  sendRandom<A extends Action>(action: A, data: DataOf<A>): void;
  /** To the agent and every worker, the sender included. */
  broadcast<A extends Action>(action: A, data: DataOf<A>): void;
  /** Like the methods above, but each resolves when every receiver has handled the message, was found gone, or took too long. */
  readonly acknowledged: Acknowledged;
}

export interface Acknowledged {
  /**
   * @param within how long to wait, ms, up to 2147483647; default 10000
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID for another time
   */
  sendToApp<A extends Action>(action: A, data: DataOf<A>, within?: number): Promise<Delivery>;
  sendToAgent<A extends Action>(action: A, data: DataOf<A>, within?: number): Promise<Delivery>;
  sendTo<A extends Action>(pid: number | string, action: A, data: DataOf<A>, within?: number): Promise<Delivery>;
  sendRandom<A extends Action>(action: A, data: DataOf<A>, within?: number): Promise<Delivery>;
  broadcast<A extends Action>(action: A, data: DataOf<A>, within?: number): Promise<Delivery>;
}

const DEFAULT_WITHIN_MS = 10_000;
/** The most messages that are kept for a program without a handler; then the oldest message is dropped. */
const MAX_EARLY = 1_000;

type Whereto = Pick<AppMessage, 'to' | 'receiverPid'>;

export class Postbox implements Messenger {
  #post: (mail: Mail) => void = ({ id, action, withinMs }) => {
    if (withinMs > 0) this.onDelivered(id, action, { handled: [], missed: [] }); // there is nobody
  };
  readonly #handlers = new Map<string, Set<(data: never) => unknown>>();
  readonly #undelivered: ((action: string, delivery: Delivery) => void)[] = [];
  /** Own mail whose delivery is waited for. */
  readonly #waitedFor = new Map<number, (delivery: Delivery) => void>();
  #lastId = 0;
  /** Messages without a handler that have arrived during the start of the program; undefined after the start. */
  #early: AppMessage[] | undefined;

  readonly acknowledged: Acknowledged = {
    sendToApp: (action, data, within) => this.#confirmed({ to: 'app' }, action, data, within),
    sendToAgent: (action, data, within) => this.#confirmed({ to: 'agent' }, action, data, within),
    sendTo: (pid, action, data, within) => this.#confirmed({ receiverPid: String(pid) }, action, data, within),
    sendRandom: (action, data, within) => this.#confirmed({ to: 'random' }, action, data, within),
    broadcast: async (action, data, within) => {
      const [agent, app] = await Promise.all([
        this.#confirmed({ to: 'agent' }, action, data, within),
        this.#confirmed({ to: 'app' }, action, data, within),
      ]);
      return { handled: [...agent.handled, ...app.handled], missed: [...agent.missed, ...app.missed] };
    },
  };

  /** @param post gives mail to the master; without `post` mail goes nowhere */
  connect(post: (mail: Mail) => void): void {
    this.#post = post;
  }

  on<A extends Action>(action: A, handler: Handler<A>): this {
    const handlers = this.#handlers.get(action) ?? new Set();
    this.#handlers.set(action, handlers.add(handler));
    if (this.#early?.some((message) => message.action === action)) nextTick(() => this.#receiveEarly(action));
    return this;
  }

  /** The program is being loaded: messages are kept until there is a handler. */
  beginStart(): void {
    this.#early = [];
  }

  /** The program is ready: messages without a handler are dropped. */
  endStart(): void {
    nextTick(() => (this.#early = undefined)); // after what handlers of this moment get
  }

  off<A extends Action>(action: A, handler: Handler<A>): this {
    this.#handlers.get(action)?.delete(handler);
    return this;
  }

  onUndelivered(listener: (action: string, delivery: Delivery) => void): this {
    this.#undelivered.push(listener);
    return this;
  }

  sendToApp(action: string, data: unknown): void {
    this.#send({ to: 'app' }, action, data);
  }

  sendToAgent(action: string, data: unknown): void {
    this.#send({ to: 'agent' }, action, data);
  }

  sendTo(pid: number | string, action: string, data: unknown): void {
    this.#send({ receiverPid: String(pid) }, action, data);
  }

  sendRandom(action: string, data: unknown): void {
    this.#send({ to: 'random' }, action, data);
  }

  broadcast(action: string, data: unknown): void {
    this.sendToAgent(action, data);
    this.sendToApp(action, data);
  }

  /** A message has arrived. Resolves when every handler is done; rejects with the first that fails. */
  async receive({ action, data }: AppMessage): Promise<void> {
    await Promise.all([...(this.#handlers.get(action) ?? [])].map((handler) => settled(() => handler(data as never))));
  }

  /** A message has arrived whose sender does not wait for the outcome: an error of a handler is an uncaught exception. */
  receiveUnheard(message: AppMessage): void {
    if (this.#early && !this.#handlers.get(message.action)?.size) {
      this.#early.push(message);
      if (this.#early.length > MAX_EARLY) this.#early.shift();
      return;
    }
    this.receive(message).catch((error: unknown) => {
      nextTick(() => {
        throw error;
      });
    });
  }

  #receiveEarly(action: string): void {
    const all = this.#early ?? [];
    this.#early &&= all.filter((message) => message.action !== action);
    for (const message of all) if (message.action === action) this.receiveUnheard(message);
  }

  /** The master tells what came of own mail: always where that is waited for, else only of mail that was not delivered. */
  onDelivered(id: number, action: string, delivery: Delivery): void {
    const resolve = this.#waitedFor.get(id);
    this.#waitedFor.delete(id);
    if (resolve) resolve(delivery);
    else for (const listener of this.#undelivered) listener(action, delivery);
  }

  #send(whereto: Whereto, action: string, data: unknown): void {
    this.#post({ trunkline: 'mail', id: ++this.#lastId, withinMs: 0, action, data, ...whereto });
  }

  async #confirmed(whereto: Whereto, action: string, data: unknown, withinMs = DEFAULT_WITHIN_MS): Promise<Delivery> {
    if (!isTimerMs(withinMs)) throw invalidTime(action, withinMs);
    const id = ++this.#lastId;
    const delivered = new Promise<Delivery>((resolve) => this.#waitedFor.set(id, resolve));
    try {
      this.#post({ trunkline: 'mail', id, withinMs, action, data, ...whereto });
    } catch (error) {
      this.#waitedFor.delete(id);
      throw error;
    }
    return delivered;
  }
}

/** Synchronous errors become rejections too. */
async function settled(run: () => unknown): Promise<void> {
  await run();
}

function invalidTime(action: string, given: unknown): TrunklineError {
  const shown = typeof given === 'string' ? JSON.stringify(given) : String(given);
  return new TrunklineError(
    'ERR_TRUNKLINE_OPTION_INVALID',
    `messenger.acknowledged: the time for ${action} must be a number of milliseconds above 0 and up to ${LONGEST_TIMER_MS}, but is ${shown}`,
    { option: 'within' },
  );
}

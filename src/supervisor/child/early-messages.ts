// Messages that reach this process before the program listens. Node.js keeps messages until there is a listener, but the runtime
// of a child listens from the beginning. The runtime therefore keeps messages for the program until the program listens too.

/** `process`, or the message port of a thread. */
export interface MessageSource {
  on(event: 'message', listener: (message: unknown, handle?: unknown) => void): unknown;
  emit(event: 'message', message: unknown, handle?: unknown): unknown;
  listenerCount(event: 'message'): number;
}

/** What passes the messages of the source on, as `cluster.worker` does. */
export type Relay = Pick<MessageSource, 'listenerCount'>;

/** The most messages that are kept; then the oldest is dropped. A program that never listens must not grow. */
const MAX_KEPT = 1_000;

export class EarlyMessages {
  readonly #source: MessageSource;
  readonly #isOwn: (message: unknown) => boolean;
  readonly #relay: Relay | undefined;
  /** Listeners that were there before the program. */
  readonly #listenersBefore: number;
  #kept: { readonly message: unknown; readonly handle: unknown }[] = [];
  #isReplaying = false;

  /**
   * @param isOwn messages that are not for the program
   * @param listener gets each message once, on arrival
   * @param relay another emitter on which the program may listen
   */
  constructor(
    source: MessageSource,
    isOwn: (message: unknown) => boolean,
    listener: (message: unknown, handle?: unknown) => void,
    relay?: Relay,
  ) {
    this.#source = source;
    this.#isOwn = isOwn;
    this.#relay = relay;
    source.on('message', (message, handle) => {
      if (this.#isReplaying) return;
      this.#onArrival(message, handle);
      listener(message, handle);
    });
    this.#listenersBefore = this.#listeners;
  }

  /** Gives the program the kept messages, if the program listens now. */
  replay(): void {
    if (this.#kept.length === 0 || !this.#isHeard) return;
    const kept = this.#kept;
    this.#kept = [];
    this.#isReplaying = true;
    try {
      while (kept.length > 0) {
        const { message, handle } = kept.shift()!;
        this.#source.emit('message', message, handle);
      }
    } finally {
      this.#isReplaying = false;
      this.#kept = kept; // a listener has thrown: the next message brings the rest
    }
  }

  #onArrival(message: unknown, handle: unknown): void {
    if (this.#isOwn(message)) return;
    if (this.#isHeard) {
      this.replay();
      return;
    }
    this.#kept.push({ message, handle });
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
  }

  /** Whether the program listens as well. */
  get #isHeard(): boolean {
    return this.#listeners > this.#listenersBefore;
  }

  get #listeners(): number {
    return this.#source.listenerCount('message') + (this.#relay?.listenerCount('message') ?? 0);
  }
}

// The listening sockets that a child has for itself, on their way through the master to the child that replaces it.

import { systemClock, type Clock, type Timer } from '../../time';

/** A child that does not answer, because its loop is blocked, is not waited for any longer, ms. */
const ANSWER_MS = 1_000;

/** A listening socket as it comes over IPC; open in this process too until it is closed. */
export interface ListeningSocket {
  close(): unknown;
}

export interface Legacy {
  readonly key: string;
  readonly socket: ListeningSocket;
}

export class Bequest {
  readonly #ask: () => void;
  readonly #clock: Clock;
  #legacies: Legacy[] = [];
  #onAll: ((legacies: Legacy[]) => void) | undefined;
  #limit: Timer | undefined;

  /** @param ask asks the child for its sockets */
  constructor(ask: () => void, clock: Clock = systemClock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** All listening sockets that the child has sent in time; the caller closes them. */
  collect(): Promise<Legacy[]> {
    return new Promise((resolve) => {
      this.onAll(); // nobody waits for two
      this.#onAll = resolve;
      this.#limit = this.#clock.setTimeout(() => this.onAll(), ANSWER_MS);
      this.#ask();
    });
  }

  onSocket(key: string, socket: ListeningSocket): void {
    if (this.#onAll) this.#legacies.push({ key, socket });
    else socket.close(); // too late
  }

  /** The child has sent its last listening socket. */
  onAll(): void {
    this.#clock.clearTimeout(this.#limit);
    this.#onAll?.(this.#legacies);
    this.#onAll = undefined;
    this.#legacies = [];
  }
}

/** @param received what has come with a message */
export function asListeningSocket(received: unknown): ListeningSocket | undefined {
  const isSocket = typeof received === 'object' && received !== null && 'close' in received;
  return isSocket ? (received as ListeningSocket) : undefined;
}

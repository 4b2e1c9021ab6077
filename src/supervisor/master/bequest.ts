// The listening sockets that belong to a child alone, on the way through the master to the next child.

import { systemClock, type Clock, type Timer } from '../../time';

/** How long to wait for a child that does not answer because the loop is blocked, ms. */
const ANSWER_MS = 1_000;

/** A listening socket as received over IPC; open in this process too until closed. */
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

  /** @param ask asks the child to send the sockets */
  constructor(ask: () => void, clock: Clock = systemClock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** All listening sockets that the child has sent in time; the caller closes the sockets. */
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
    else socket.close(); // arrived too late
  }

  /** The child has sent the last listening socket. */
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

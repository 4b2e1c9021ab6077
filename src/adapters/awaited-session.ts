// Calls that wait until a session with the server serves, each for a limited time: a server that is away for a moment is no error.

import type { Clock } from '../time';

interface Waiter<Session> {
  readonly resolve: (session: Session) => void;
  readonly reject: (reason: Error) => void;
}

export class AwaitedSession<Session> {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter<Session>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves with the next session that serves.
   * @param whyNone gives what the promise is rejected with when there is no session in time
   */
  next(limitMs: number, whyNone: () => Error): Promise<Session> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiters.delete(waiter);
        this.#clock.clearTimeout(timer);
      };
      const waiter: Waiter<Session> = {
        resolve: (session) => {
          done();
          resolve(session);
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      const timer = this.#clock.setTimeout(() => waiter.reject(whyNone()), limitMs);
      this.#waiters.add(waiter);
    });
  }

  /** A session serves: all calls that wait get the session. */
  serves(session: Session): void {
    for (const waiter of this.#waiters) waiter.resolve(session);
  }

  /** No session will serve any more. */
  end(reason: Error): void {
    for (const waiter of this.#waiters) waiter.reject(reason);
  }
}

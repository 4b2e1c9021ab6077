// The token that a user and a password are exchanged for. A token expires at the server, by default 300 s after it was used last, and with
// a restart of the server; so a token that was refused is exchanged for a new one, once for all requests that wait for a token.

import type { EtcdReason } from './etcd-failure';
import { reasonOf } from './etcd-failure';

export class Credential {
  readonly #exchange: (() => Promise<string>) | undefined;
  #held: { readonly token: string | undefined } | undefined;
  #asking: Promise<string | undefined> | undefined;

  /** @param exchange asks etcd for a token; undefined where no user is configured */
  constructor(exchange: (() => Promise<string>) | undefined) {
    this.#exchange = exchange;
  }

  /**
   * The token of the moment, undefined where none is needed.
   * @throws TrunklineError ERR_TRUNKLINE_STORE_DENIED for a wrong password, ERR_TRUNKLINE_STORE_UNREACHABLE
   */
  async token(): Promise<string | undefined> {
    if (this.#held) return this.#held.token;
    this.#asking ??= this.#ask();
    return this.#asking;
  }

  /** @returns whether the failure of a request with the given token is worth another try, with a new token */
  isOutdated(token: string | undefined, error: unknown): boolean {
    if (!this.#exchange || !RENEWING.includes(reasonOf(error))) return false;
    if (this.#held?.token === token) this.#held = undefined;
    return true;
  }

  async #ask(): Promise<string | undefined> {
    try {
      const token = await this.#exchange?.();
      this.#held = { token };
      return token;
    } catch (error) {
      // An etcd without users needs no token; the password is used as soon as etcd asks for a user.
      if (reasonOf(error) !== 'auth-disabled') throw error;
      this.#held = { token: undefined };
      return undefined;
    } finally {
      this.#asking = undefined;
    }
  }
}

const RENEWING: readonly (EtcdReason | undefined)[] = ['auth-token', 'auth-required'];

// What is shared: tokens that an authorization server issues, each for a scope and a limited time.

export interface Token {
  readonly scope: string;
  readonly value: string;
  /** When the token expires, in the time of Date.now(). */
  readonly expiresAt: number;
}

/** What subscribers of a scope get: the token, or null when the token was revoked. */
export interface TokenChange {
  readonly scope: string;
  readonly token: Token | null;
}

export type TokenListener = (change: TokenChange) => void;

// What is shared: tokens that an authorization server issues, each for one scope and some time.

export interface Token {
  readonly scope: string;
  readonly value: string;
  /** When it ends, as Date.now() counts. */
  readonly expiresAt: number;
}

/** What subscribers of a scope get: its token, or null when that was revoked. */
export interface TokenChange {
  readonly scope: string;
  readonly token: Token | null;
}

export type TokenListener = (change: TokenChange) => void;

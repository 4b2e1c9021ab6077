// Free loopback ports, by the product's own search. Like the product's, the ports lie below the ephemeral range: no outgoing
// connection of another test can take a port between the check and the use. The range is wider than the product's, because many
// tests run at a time, and clients of one test may still dial a port that another test has got.

import { freePort as search, isFree } from '../../src/free-port';

const FIRST = 10_240;
const LAST = 32_700;

/** A port of 127.0.0.1 that nothing listens on. */
export function freePort(): Promise<number> {
  return search(FIRST, LAST);
}

export { isFree as canBind };

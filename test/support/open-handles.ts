// The check that ends every suite of this kind: no client, socket, listener or process of ours is left in the test process.

import { leakCheck } from '../../src/testing/leak-check';
import { PATIENCE_MS } from './eventually';

/** Registers the check for the calling file. Call this function at the top of the file. */
export function leavesNothingOpen(): void {
  let check: () => Promise<void>;
  beforeAll(() => {
    check = leakCheck({ timeoutMs: PATIENCE_MS / 2 });
  });
  afterAll(() => check());
}

// The check that ends every suite of this kind: no socket, listener or timer of ours is left in the test process.

import { eventually } from './eventually';

const OURS = new Set(['TCPSocketWrap', 'TCPServerWrap', 'TCPConnectWrap', 'PipeWrap', 'ProcessWrap', 'MessagePort']);

function open(): string[] {
  return process.getActiveResourcesInfo().filter((resource) => OURS.has(resource));
}

/** Registers the check for the calling file. Call this function at the top of the file. */
export function leavesNothingOpen(): void {
  let before: string[];
  beforeAll(() => {
    before = open();
  });
  afterAll(async () => {
    await eventually('no handle is left', () => open().length <= before.length).catch(() => {
      throw new Error(`left open: ${open().join(', ')}; before: ${before.join(', ')}`);
    });
  });
}

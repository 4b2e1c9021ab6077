// Turns of the event loop, in which sockets of this process are read and promises go on.

import { soon } from '../time';

/** Bytes get to the other member of a group within as many turns, and an answer back. */
const TURNS = 12;

export async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => soon(() => resolve()));
}

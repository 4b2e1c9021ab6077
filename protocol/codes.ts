// The codes by which the messages goaway, refusal and wait say why, for programs; README.md has the table. A peer of a later version
// may send a code that this version does not know: such a code says no more than its message does.

/** A code that this version does not know. Only what was received can be one, so a misspelt code cannot be sent. */
export type UnknownCode = string & { readonly [UNKNOWN]: true };
declare const UNKNOWN: unique symbol;

/** Why the sender of a goaway is going to end the connection. */
export type GoawayCode =
  /** The leader hands its channel over: the follower is to look for the successor. */
  | 'hand-off'
  /** Another process leads the channel now; said to a leader. */
  | 'succeeded'
  /** The other side does not read what was sent, or not fast enough. */
  | 'too-slow';

/** Why the sender of a refusal does not serve the other side. */
export type RefusalCode =
  /** The other side gives no proof, or a wrong one. */
  | 'not-proven'
  /** There is no way to write values that both sides know. */
  | 'no-common-codec'
  /** The upstream client of the leader could not start; the payload has the error. */
  | 'upstream-failed'
  /** Another process leads the channel, and the asker had to lead. */
  | 'led-elsewhere'
  /** The process does not lead the channel, and appoints nobody. */
  | 'not-led-here'
  /** The channel has a leader of a newer term; said to a leader. */
  | 'superseded';

/** What a process that has joined waits for. */
export type WaitCode =
  /** Nobody leads the channel yet. */
  | 'no-leader'
  /** The upstream client of the leader is not ready yet. */
  | 'upstream'
  /** The successor of the leader is getting ready. */
  | 'hand-off';

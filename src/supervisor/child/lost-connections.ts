// A process without a free descriptor cannot receive a connection that node:cluster hands over: the message comes without the
// connection. Node.js does not answer such a message (seen in versions 20 to 26), and the master never gives this worker another
// connection. This module answers the message, and the master gives the connection to another worker, or here again later.

/** How long this process waits before refusing the connection, ms: the master offers the connection again at once. */
const PAUSE_MS = 50;

/** What node:cluster sends with a connection. */
interface Handed {
  readonly cmd?: unknown;
  readonly msg?: { readonly cmd?: unknown; readonly act?: unknown; readonly seq?: unknown } | null;
}

/** Refuses connections that arrive without a descriptor. The listener does not keep the process alive. */
export function refuseLostConnections(): void {
  // An internal event of Node.js, without types. If a version of Node.js names things otherwise, nothing is answered.
  (process as NodeJS.EventEmitter).on('internalMessage', (message: Handed | null, connection: unknown) => {
    if (connection || message?.cmd !== 'NODE_HANDLE') return;
    const { cmd, act, seq } = message.msg ?? {};
    if (cmd !== 'NODE_CLUSTER' || act !== 'newconn') return;
    setTimeout(() => {
      if (process.connected) process.send?.({ cmd, ack: seq, accepted: false }, undefined, undefined, () => undefined);
    }, PAUSE_MS).unref();
  });
}

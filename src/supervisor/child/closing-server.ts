// A server that accepts nothing more because the process is about to end, and that the program may still close without an error.

import { Server } from 'node:net';
import { promisify } from 'node:util';
import { wholeTurn } from './loop-turn';

/** Connections that arrive all the time do not keep a server open for longer than this, ms. */
const QUEUE_MS = 1_000;

type CloseCallback = (error?: Error) => void;

/**
 * Closes the server when the queue of the listening socket is empty: connections in the queue, which the system has accepted
 * already, would be reset otherwise.
 * @param accepted how many connections the server has had
 * @param endIdle what `closeIdleConnections` of the server means from now on
 */
export async function closeServer(server: Server, accepted: () => number, endIdle: () => void): Promise<void> {
  letCloseAgain(server, endIdle);
  const until = performance.now() + QUEUE_MS;
  let before: number | undefined;
  // Node.js accepts a single connection of a socket in each turn of the loop.
  while (server.listening && accepted() !== before && performance.now() < until) {
    before = accepted();
    await wholeTurn();
  }
  // The close of net.Server, because the close of http.Server cuts answers that are not written out yet.
  if (server.listening) Server.prototype.close.call(server);
}

/** The program's own `close(callback)`, and `await using`, succeed although the server is closed already. */
function letCloseAgain(server: Server, endIdle: () => void): void {
  const close = server.close.bind(server);
  const closeAgain = (callback?: CloseCallback): Server =>
    close(callback && ((error) => callback(isNotRunning(error) ? undefined : error)));
  Object.assign(server, {
    close: closeAgain,
    closeIdleConnections: endIdle,
    [Symbol.asyncDispose]: promisify(closeAgain),
  });
}

function isNotRunning(error: Error | undefined): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ERR_SERVER_NOT_RUNNING';
}

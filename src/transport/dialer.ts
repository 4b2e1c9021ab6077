// Opens a connection to the process that holds the cluster port.

import { formatEndpoint, type Endpoint } from '../endpoint';
import { WHOLE_PROCESS, type ProcessScope } from '../process-scope';
import type { Clock } from '../time';
import { Connection } from './connection';

/** Nobody there is an expected outcome while processes come and go. */
export type DialOutcome = { readonly connection: Connection } | { readonly unreachable: Error };

/** @param isBackground whether the socket does not keep the process alive */
export function dial(
  endpoint: Endpoint,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
  isBackground = false,
  scope: ProcessScope = WHOLE_PROCESS,
): Promise<DialOutcome> {
  return new Promise((resolve) => {
    const socket = scope.connect(endpoint);
    if (isBackground) socket.unref();
    const timer = clock.setTimeout(() => {
      fail(new Error(`no connection to ${formatEndpoint(endpoint)} within ${timeoutMs} ms`));
    }, timeoutMs);
    const onAbort = (): void => {
      fail(new Error('aborted'));
    };
    const settle = (): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('connect', onConnect);
      socket.removeListener('error', fail);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', () => undefined); // a late error of a socket that nobody wants any more
      socket.destroy();
      resolve({ unreachable: error });
    };
    const onConnect = (): void => {
      // A client that polls a dead port of the ephemeral range can be given that very port as the local port and connect to
      // itself; the client would then keep the port from everybody.
      if (socket.localPort === socket.remotePort) {
        fail(new Error(`connected to itself on ${formatEndpoint(endpoint)}`));
        return;
      }
      settle();
      resolve({ connection: new Connection(socket, clock) });
    };
    socket.once('connect', onConnect);
    socket.once('error', fail);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

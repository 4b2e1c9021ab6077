// A free loopback port: for the children of a master, which get the port from the master, and for the testing kit.

import net from 'node:net';
import { loopback } from './endpoint';

/** How many ports are tried before giving up. */
const MAX_TRIES = 1_000;
/** Below the ephemeral range, where no outgoing connection can take a port. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** @throws Error of the system when no port can be bound at all */
export async function freePort(first = FIRST_PORT, last = LAST_PORT): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = first + Math.floor(Math.random() * (last - first));
    const error = await bindingError(port);
    if (!error) return port;
    if (tries === MAX_TRIES || (error.code !== 'EADDRINUSE' && error.code !== 'EACCES')) throw error;
  }
}

export async function isFree(port: number): Promise<boolean> {
  return (await bindingError(port)) === undefined;
}

function bindingError(port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', resolve);
    server.listen({ ...loopback(port), exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

// A free loopback port, chosen once by the master and given to all children, who bind it themselves.

import net from 'node:net';
import { loopback } from '../../endpoint';

/** Below the ephemeral range, where no outgoing connection can have one. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (await isFree(port)) return port;
  }
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ ...loopback(port), exclusive: true }, () => server.close(() => resolve(true)));
  });
}

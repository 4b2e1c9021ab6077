// Free loopback ports. Cluster ports lie below the ephemeral range: no outgoing connection of another test can take a port
// between the check and the use.

import net from 'node:net';

const FIRST = 10_240;
const LAST = 32_700;

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await canBind(port)) return port;
  }
}

/** Whether nobody listens on the port. */
export function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

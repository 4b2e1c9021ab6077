// A free port for the workers to meet at. It is taken from below the range that systems give to outgoing
// connections, so that none of those gets it between the check and its use.

import net from 'node:net';

const FIRST = 10_240;
const LAST = 32_700;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

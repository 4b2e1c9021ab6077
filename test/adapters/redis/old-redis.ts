// A stand-in for a Redis that is older than any that can be installed. The stand-in answers what a client asks while connecting, and is no Redis.

import { once } from 'node:events';
import net from 'node:net';

export class OldRedis {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
  }

  static async start(version: string): Promise<OldRedis> {
    const server = net.createServer();
    const old = new OldRedis(server);
    server.on('connection', (socket) => {
      old.#sockets.add(socket.on('error', () => undefined));
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
        for (;;) {
          const command = commandAt(text);
          if (!command) return;
          text = text.slice(command.length);
          socket.write(answerTo(command.words, version));
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return old;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The first command of RESP in a text, if the whole command is there. */
function commandAt(text: string): { words: string[]; length: number } | undefined {
  const start = /^\*(\d+)\r\n/.exec(text);
  if (!start) return undefined;
  let at = start[0].length;
  const words: string[] = [];
  for (let count = Number(start[1]); count > 0; count--) {
    const head = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (!head) return undefined;
    at += head[0].length;
    const length = Number(head[1]);
    if (text.length < at + length + 2) return undefined;
    words.push(text.slice(at, at + length));
    at += length + 2;
  }
  return { words, length: at };
}

function answerTo([name = '', ...args]: string[], version: string): string {
  const info = `# Server\r\nredis_version:${version}\r\nloading:0\r\n`;
  switch (name.toLowerCase()) {
    case 'info':
      return `$${info.length}\r\n${info}\r\n`;
    case 'subscribe':
      return `*3\r\n$9\r\nsubscribe\r\n$${args[0]!.length}\r\n${args[0]}\r\n:1\r\n`;
    default:
      return `-ERR unknown command \`${name}\`, with args beginning with: \r\n`;
  }
}

// What goes over the wire between registry-client.ts and registry-server.ts: a JSON text per line.

import type { Socket } from 'node:net';
import type { Setting } from './config-client';

export type Request =
  | { readonly op: 'watch' | 'unwatch'; readonly key: string }
  | { readonly op: 'get'; readonly id: number; readonly key: string }
  | { readonly op: 'set'; readonly id: number; readonly key: string; readonly value: string };

export type Response =
  | { readonly type: 'answer'; readonly id: number; readonly setting: Setting | undefined }
  | { readonly type: 'failure'; readonly id: number; readonly reason: string }
  | { readonly type: 'changed'; readonly setting: Setting };

export function sendLine(socket: Socket, message: Request | Response): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls back with each message; ends the connection when a message cannot be understood. */
export function receiveLines<M extends Request | Response>(socket: Socket, receive: (message: M) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    try {
      for (const line of lines) receive(JSON.parse(line) as M);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
}

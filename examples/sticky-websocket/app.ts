// A worker with sessions in memory, which is possible because a client always comes back to the same worker. Chat messages go to
// the clients of all workers, over the messenger.

import http from 'node:http';
import { messenger, onDrain } from 'trunkline/supervisor';
import { WebSocketServer, type WebSocket } from 'ws';

declare module 'trunkline/supervisor' {
  interface Messages {
    'chat.said': { name: string; text: string };
  }
}

/** Visits by name, counted in each worker: without stickiness the count would depend on where a client happens to land. */
const visits = new Map<string, number>();
const clients = new Set<WebSocket>();

const server = http.createServer((_request, response) => response.writeHead(426).end('this is a place for websockets\n'));
new WebSocketServer({ server }).on('connection', (socket, request) => {
  const name = new URL(request.url ?? '/', 'http://localhost').searchParams.get('name') ?? 'somebody';
  visits.set(name, (visits.get(name) ?? 0) + 1);
  clients.add(socket);
  socket.on('close', () => clients.delete(socket));
  socket.on('error', () => socket.terminate());
  socket.on('message', (text: Buffer) => messenger.sendToApp('chat.said', { name, text: text.toString() }));
  socket.send(JSON.stringify({ welcome: name, visit: visits.get(name), worker: process.pid }));
});

messenger.on('chat.said', (said) => {
  for (const client of clients) client.send(JSON.stringify(said));
});

// A worker that is replaced sends all clients away with "service restart": clients come back to the next worker in this place.
onDrain(() => {
  for (const client of clients) client.close(1012);
});

// The supervisor holds the public port; handed connections arrive here.
server.listen(Number(process.env.PORT), process.env.HOST);

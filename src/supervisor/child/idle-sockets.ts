// The connections that Node.js takes for idle: neither a request nor a part of the next request has been read, and no answer is
// open. Only the HTTP parsers of Node.js know, and there is no API to ask.

import type http from 'node:http';
import { Socket, type Server } from 'node:net';

/**
 * Asks the servers to end idle connections, and notes the connections instead of ending any.
 * @param servers of any kind; a server that does not speak HTTP/1 has none
 */
export function idleSockets(servers: Iterable<Server>): Set<Socket> {
  const idle = new Set<Socket>();
  const { prototype } = Socket;
  const own = Object.getOwnPropertyDescriptor(prototype, 'destroy');
  const note = function (this: Socket): Socket {
    idle.add(this);
    return this;
  };
  Object.defineProperty(prototype, 'destroy', { value: note, configurable: true, writable: true });
  try {
    const { Server: HttpServer } = process.getBuiltinModule('node:http'); // an agent may have none
    for (const server of servers) HttpServer.prototype.closeIdleConnections.call(server as http.Server);
  } finally {
    if (own) Object.defineProperty(prototype, 'destroy', own);
    else Reflect.deleteProperty(prototype, 'destroy');
  }
  return idle;
}

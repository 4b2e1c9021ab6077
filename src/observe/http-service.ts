// A web server of this folder: listening, its address, and its end.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatEndpoint } from '../endpoint';

export interface HttpServiceOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly host: string;
  readonly maxConnections: number;
  readonly onRequest: http.RequestListener;
}

export interface HttpService {
  /** Such as `http://127.0.0.1:7780`. */
  readonly origin: string;
  /** Stops listening and ends all connections. Idempotent. */
  close(): Promise<void>;
}

/** Resolves when the server listens. @throws the error of Node.js when the port cannot be bound */
export async function startHttpService({ port, host, maxConnections, onRequest }: HttpServiceOptions): Promise<HttpService> {
  const server = http.createServer((request, response) => {
    response.on('error', () => undefined); // the other side has gone away
    onRequest(request, response);
  });
  server.maxConnections = maxConnections;
  server.listen(port, host);
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  server.on('error', () => undefined); // a connection that cannot be accepted, because no descriptor is left
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const { port: bound } = server.address() as AddressInfo;
  return {
    origin: `http://${formatEndpoint({ host, port: bound })}`,
    close: () => {
      server.close();
      server.closeAllConnections();
      return closed;
    },
  };
}

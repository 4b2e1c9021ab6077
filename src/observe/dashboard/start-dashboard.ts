// `startDashboard(options)`: a web server that shows one host.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostViewSource } from './live-view';

export interface DashboardOptions {
  /** Where the view of the host comes from. */
  readonly source: HostViewSource;
  /** The port to listen on; 0 takes a free port. Default 7780. */
  readonly port?: number;
  /** The address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
}

export interface Dashboard {
  /** For a browser, such as `http://127.0.0.1:7780/`. */
  readonly url: string;
  /** Stops listening and ends all connections. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_PORT = 7780;

/** Resolves when the dashboard listens. @throws Error when the port is in use */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { source, port = DEFAULT_PORT, host = '127.0.0.1' } = options;
  const server = http.createServer((request, response) => void answer(request, response, source));
  server.listen(port, host);
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
      return closed;
    },
  };
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse, source: HostViewSource): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://dashboard');
  if (pathname === '/healthz') return send(response, 200, { ok: true });
  if (pathname !== '/api/status') return send(response, 404, { error: `there is nothing at ${pathname}` });
  try {
    send(response, 200, await source.read());
  } catch (error) {
    send(response, 503, { error: (error as Error).message });
  }
}

function send(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(body)}\n`);
}

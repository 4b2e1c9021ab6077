// Where processes of a host meet.

/** Always the loopback interface: nothing of ours is reachable from another host. */
export const LOOPBACK = '127.0.0.1';

export interface Endpoint {
  readonly host: typeof LOOPBACK;
  readonly port: number;
}

export function loopback(port: number): Endpoint {
  return { host: LOOPBACK, port };
}

/** As `127.0.0.1:7777`; an address of IPv6 stands in brackets, as in a URL. */
export function formatEndpoint({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

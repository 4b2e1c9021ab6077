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

export function formatEndpoint({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

// Where something listens, in readable form. Pure.

import { formatEndpoint } from '../../endpoint';
import type { Address } from '../messaging/messages';

/** As `127.0.0.1:8080`, `[::1]:8080`, `*:8080` for every interface, or the path of a Unix socket. */
export function formatAddress(address: Address): string {
  if (typeof address === 'string') return address;
  const { address: host, port } = address;
  if (/^(::|0\.0\.0\.0|)$/.test(host ?? '')) return `*:${port}`;
  return formatEndpoint({ host, port });
}

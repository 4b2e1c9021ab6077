// Where a started application is reached, as every process of it is told. Pure.

import { formatEndpoint } from '../../endpoint';
import type { Ready } from '../messaging/announcements';
import type { Address } from '../messaging/messages';

/**
 * @param programOptions what Agent and Application are given
 * @param givenPort the option `port`
 * @param address where the workers listen
 */
export function reachableAt(
  { debugPort, https }: Readonly<Record<string, unknown>>,
  givenPort: number | undefined,
  address: Address | undefined,
): Ready {
  const protocol = https ? 'https' : 'http';
  const port = givenPort || (typeof address === 'object' ? address.port : undefined);
  return { port, debugPort, protocol, address: typeof address === 'string' ? address : urlOf(protocol, address, port) };
}

function urlOf(protocol: string, address: Exclude<Address, string> | undefined, port: number | undefined): string | undefined {
  if (port === undefined) return undefined;
  const host = address !== undefined && !/^(::|0\.0\.0\.0|)$/.test(address.address) ? address.address : '127.0.0.1';
  return `${protocol}://${formatEndpoint({ host, port })}`;
}

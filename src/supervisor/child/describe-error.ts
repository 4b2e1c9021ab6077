// An error of a child, in the words of the master.

import { inspect, types } from 'node:util';
import { formatEndpoint } from '../../endpoint';
import { describeFrameworkError } from './framework-error';

/** Longer reasons are cut: the pipe to the master is, at the end of a process, not patient. */
const MAX_REASON = 8_000;

/** Why a program may be refused an address to listen on. The address says more than the stack, which is Node's own. */
const REFUSALS: Readonly<Record<string, (address: string) => string>> = {
  EADDRINUSE: (address) => `${address} is in use by another program`,
  EADDRNOTAVAIL: (address) => `no interface of this machine has the address of ${address}`,
  EACCES: (address) => `this user may not listen on ${address}`,
};

/** Never throws, whatever was thrown. */
export function describeError(error: unknown, faq?: string): string {
  try {
    return describe(error, faq);
  } catch {
    return 'an error that cannot be shown: one of its fields throws';
  }
}

function describe(error: unknown, faq?: string): string {
  const refusal = listenRefusal(error);
  if (refusal !== undefined) return refusal;
  const framework = describeFrameworkError(error, faq);
  if (framework !== undefined) return framework.slice(0, MAX_REASON);
  const text = inspect(error); // stack, causes and all
  // A syntax error begins with file and line.
  const isNamed = !types.isNativeError(error) || text.startsWith(error.name);
  return `${isNamed ? '' : `${error.name}: ${error.message}\n`}${text}`.slice(0, MAX_REASON);
}

/** @returns why a server could not listen, in a sentence; undefined for any other error */
export function listenRefusal(error: unknown): string | undefined {
  if (!types.isNativeError(error)) return undefined; // works also for errors of another realm
  const { code = '', syscall = '', address, port = -1 } = error as NodeJS.ErrnoException & { address?: unknown; port?: number };
  const refusal = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  if (!refusal || !['listen', 'bind'].includes(syscall)) return undefined;
  const shown = addressText(address, port);
  return shown === undefined ? undefined : `${code}: ${refusal(shown)}`;
}

/** @param address null in workers of node:cluster that named none */
function addressText(address: unknown, port: number): string | undefined {
  if (typeof address !== 'string') return port >= 0 ? `port ${port}` : undefined;
  if (port < 0) return address;
  return formatEndpoint({ host: address, port });
}

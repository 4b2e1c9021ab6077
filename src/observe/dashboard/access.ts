// Who may ask the dashboard for what: the name under which it was asked (against DNS rebinding), and the token. Pure.

import { createHash, timingSafeEqual } from 'node:crypto';
import net from 'node:net';

export interface AccessRules {
  /** The address that the dashboard listens on. */
  readonly host: string;
  readonly token: string | undefined;
  /** More names under which a browser may ask, such as that of a proxy. */
  readonly allowedHosts: readonly string[];
}

export const MIN_TOKEN_LENGTH = 16;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
}

/**
 * Whether a Host header names this dashboard. A page of another site that lets its own name point here is refused: its requests
 * carry that name. Addresses cannot be pointed elsewhere, so every address is allowed where the dashboard is open to other hosts.
 */
export function namesDashboard(header: string | undefined, { host, allowedHosts }: AccessRules): boolean {
  const name = hostnameOf(header);
  if (name === undefined) return false;
  if (isLoopback(name) || name.endsWith('.localhost') || name === host.toLowerCase()) return true;
  if (allowedHosts.some((allowed) => allowed.toLowerCase() === name)) return true;
  return !isLoopback(host) && net.isIP(name) !== 0;
}

/** Without port and brackets, in small letters; undefined for what is no host. */
function hostnameOf(header: string | undefined): string | undefined {
  if (header === undefined || !/^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i.test(header)) return undefined;
  return header
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
}

export type Permission = 'granted' | 'no token' | 'wrong token';

/** @param authorization the header, as in `Bearer a-long-secret` */
export function permissionOf(authorization: string | undefined, token: string): Permission {
  const [, given] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (given === undefined) return authorization === undefined ? 'no token' : 'wrong token';
  // Digests have one length, so the comparison takes the same time for every token.
  return timingSafeEqual(digest(given), digest(token)) ? 'granted' : 'wrong token';
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

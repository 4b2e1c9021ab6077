// Which worker serves which client. Pure: from the first bytes of a connection to an address, and from an address to the name of
// a worker. A missing worker moves only the clients of that worker.

import net from 'node:net';

/** The header section of a request must end within this many bytes, or nothing of the section is used. */
export const MAX_HEAD_BYTES = 16 * 1024;

/** Characters of a method, and the first line of an HTTP/1 request, whole or a beginning. */
const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~\w]+ [^\s]+ HTTP\/1\.\d$/;
const PART_OF_REQUEST_LINE = /^[!#$%&'*+\-.^_`|~\w]*( [^\r\n]*)?\r?$/;

/**
 * Rendezvous hashing: every worker has a weight for the address, and the heaviest worker serves the address. The order of the
 * names does not matter.
 * @returns undefined without workers
 */
export function chooseWorker(address: string, workers: readonly string[]): string | undefined {
  const client = normaliseAddress(address) ?? address;
  let chosen: string | undefined;
  let most = -1;
  for (const worker of workers) {
    const weight = weigh(worker, client);
    if (weight < most || (weight === most && worker > chosen!)) continue;
    chosen = worker;
    most = weight;
  }
  return chosen;
}

/**
 * The address of the client according to a proxy: the leftmost IP address in the named header of an HTTP/1 request.
 * @param head all bytes that have come so far
 * @param header in lower case; `forwarded` is read according to RFC 7239, any other header as a list of addresses
 * @returns undefined while the header section is incomplete; the socket's own address when there is nothing to find
 */
export function clientAddress(head: Buffer, header: string, socketAddress: string): string | undefined {
  // A stray line end before a request is allowed.
  const text = head.toString('latin1', 0, MAX_HEAD_BYTES).replace(/^(\r?\n)+/, '');
  const [requestLine = '', ...rest] = text.split('\n', 2);
  if (rest.length === 0 ? !PART_OF_REQUEST_LINE.test(requestLine) : !REQUEST_LINE.test(requestLine.replace(/\r$/, ''))) {
    return socketAddress;
  }
  const end = text.search(/\n\r?\n/);
  if (end === -1) return head.length >= MAX_HEAD_BYTES ? socketAddress : undefined;
  const value = headerValue(text.slice(0, end), header);
  const candidates = header === 'forwarded' ? forwardedFor(value) : value.split(',');
  for (const candidate of candidates) {
    const address = normaliseAddress(withoutPort(candidate.trim()));
    if (address !== undefined) return address;
  }
  return socketAddress;
}

/** A single spelling for each address; an IPv4 address in IPv6 form is the IPv4 address. Undefined: not an IP address. */
export function normaliseAddress(given: string): string | undefined {
  const address = given.replace(/%.*$/s, ''); // the zone is the name of an interface of ours
  if (net.isIPv4(address)) return address;
  if (!net.isIPv6(address)) return undefined;
  const written = new net.SocketAddress({ address, family: 'ipv6' }).address;
  const inside = written.replace(/^::ffff:/, '');
  return net.isIPv4(inside) ? inside : written;
}

/** All lines of the header, joined into a list. */
function headerValue(section: string, header: string): string {
  const lines = section
    .replace(/\r?\n[ \t]/g, ' ')
    .split('\n')
    .slice(1);
  const values = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return line.slice(0, Math.max(colon, 0)).toLowerCase() === header ? [line.slice(colon + 1).trim()] : [];
  });
  return values.join(',');
}

/** The `for` values of `forwarded: for="[2001:db8::1]:4711";proto=https, for=192.0.2.1`. */
function forwardedFor(value: string): string[] {
  return splitUnquoted(value).flatMap((pair) => {
    const equals = pair.indexOf('=');
    return pair.slice(0, Math.max(equals, 0)).trim().toLowerCase() === 'for' ? [pair.slice(equals + 1)] : [];
  });
}

/** Splits at commas and semicolons that are not inside quotes. Not by an expression: a stranger wrote the text. */
function splitUnquoted(value: string): string[] {
  const parts: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let i = 0; i <= value.length; i++) {
    if (isQuoted && value[i] === '\\') i++;
    else if (value[i] === '"') isQuoted = !isQuoted;
    else if (i === value.length || (!isQuoted && (value[i] === ',' || value[i] === ';'))) {
      parts.push(value.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}

/** `"[2001:db8::1]:4711"`, `192.0.2.1:80`, or an address alone. */
function withoutPort(given: string): string {
  const bare = given.replace(/^"(.*)"$/s, '$1');
  return /^\[([^\]]*)\](?::\d+)?$/.exec(bare)?.[1] ?? /^([\d.]+):\d+$/.exec(bare)?.[1] ?? bare;
}

/** FNV-1a over both, then the finaliser of MurmurHash3, which spreads the difference of a digit over all bits. */
function weigh(worker: string, client: string): number {
  let hash = 0x811c9dc5;
  const text = `${worker}\n${client}`;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

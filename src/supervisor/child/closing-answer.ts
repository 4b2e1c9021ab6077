// An answer after which the connection ends: the head says `Connection: close`, even if the program says `keep-alive`.

import type { ServerResponse } from 'node:http';

type Headers = Readonly<Record<string, unknown>>;

/**
 * Makes an answer the last answer of the connection. Does nothing when the head of the answer is sent already: the drain ends
 * such a connection later.
 * @param isLast asked when the head is sent: whether no other request of the connection waits for an answer
 */
export function closeAfter(response: ServerResponse, isLast: () => boolean): void {
  if (response.headersSent) return;
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  // Every head passes through `writeHead`, also a head that Node.js makes.
  response.writeHead = (...args: unknown[]) => {
    if (!isLast()) return writeHead(...args);
    if (isKeepAlive(response.getHeader('connection'))) response.removeHeader('connection');
    const given = args.map((each) => (typeof each === 'object' && each !== null ? withoutKeepAlive(each) : each));
    response.shouldKeepAlive = false; // after removeHeader, which would leave the header away
    if (!response.hasHeader('connection')) response.setHeader('connection', 'close');
    return writeHead(...given);
  };
}

/** The headers argument of `writeHead`: an object, a list of pairs, or a flat list of names and values. */
function withoutKeepAlive(headers: object): unknown {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers as Headers).filter(([name, value]) => !keepsAlive(name, value)));
  }
  const list = headers as unknown[];
  if (Array.isArray(list[0])) return (list as [unknown, unknown][]).filter(([name, value]) => !keepsAlive(name, value));
  // Names are at even places, each followed by the value.
  return list.filter((_, i) => !keepsAlive(list[i - (i % 2)], list[i - (i % 2) + 1]));
}

function keepsAlive(name: unknown, value: unknown): boolean {
  return String(name).toLowerCase() === 'connection' && isKeepAlive(value);
}

function isKeepAlive(value: unknown): boolean {
  return /keep-alive/i.test(String(value));
}

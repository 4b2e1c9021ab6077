// What the upstream server and the clients say to each other: a length, then the value as v8 serializes values.

import type { Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';

export interface Value {
  readonly key: string;
  /** Grows by one with each change, for as long as the server lives. */
  readonly version: number;
  readonly size: number;
  readonly filler: Buffer;
}

/** A call that is carried out once for each id, as far as the callers allow. */
export interface Increment {
  /** The id that the caller gave the call. */
  readonly call: string;
  readonly isIdempotent: boolean;
  /** How long the server waits before carrying the call out, and then before answering, ms. */
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** What a reader asks of a stream. */
export interface RowsWanted {
  /** The id that the reader gave the stream. */
  readonly stream: string;
  readonly count: number;
  readonly bytes: number;
}

export interface Row {
  readonly stream: string;
  /** From 1. */
  readonly n: number;
  readonly filler: Buffer;
}

export type Question =
  | { readonly op: 'hello'; readonly channel: string; readonly pid: number; readonly epoch: number | undefined }
  | { readonly op: 'watch' | 'unwatch'; readonly key: string }
  /** Lasts as long as the connection. */
  | { readonly op: 'publish' | 'unpublish'; readonly name: string }
  | { readonly op: 'get'; readonly id: number; readonly key: string }
  /** A generator has begun or ended; there is no answer. */
  | { readonly op: 'generator'; readonly stream: string; readonly isBegun: boolean }
  | { readonly op: 'increment'; readonly id: number; readonly increment: Increment };

export type Answer =
  | { readonly op: 'welcome' }
  | { readonly op: 'value'; readonly value: Value }
  | { readonly op: 'answer'; readonly id: number; readonly answer: unknown };

const HEAD_BYTES = 4;

export function makeValue(key: string, version: number, size: number): Value {
  return { key, version, size, filler: Buffer.alloc(size, fillOf(version)) };
}

/** Whether the value is the value that the server made. */
export function isWhole({ version, size, filler }: Value): boolean {
  return filler.length === size && filler.equals(Buffer.alloc(size, fillOf(version)));
}

export function makeRow(stream: string, n: number, bytes: number): Row {
  return { stream, n, filler: Buffer.alloc(bytes, fillOf(n)) };
}

/** Whether the row is one that the generator made for this reader. */
export function isRowOf({ stream, bytes }: RowsWanted, row: Row): boolean {
  return row.stream === stream && row.filler.equals(Buffer.alloc(bytes, fillOf(row.n)));
}

export function tell(socket: Socket, message: Question | Answer): void {
  if (!socket.writable) return;
  const body = serialize(message);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(body.length);
  socket.cork();
  socket.write(head);
  socket.write(body);
  socket.uncork();
}

/** Calls back for each message that the other side says. */
export function hear<M extends Question | Answer>(socket: Socket, onMessage: (message: M) => void): void {
  let parts: Buffer[] = [];
  let size = 0;
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    size += chunk.length;
    for (;;) {
      if (size < HEAD_BYTES) return;
      if (parts[0]!.length < HEAD_BYTES) parts = [Buffer.concat(parts)];
      const end = HEAD_BYTES + parts[0]!.readUInt32BE();
      if (size < end) return;
      const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts = [all.subarray(end)];
      size -= end;
      onMessage(deserialize(all.subarray(HEAD_BYTES, end)) as M);
    }
  });
}

/** A prime, so that neighbours differ and sizes do not matter. */
const fillOf = (version: number): number => version % 251;

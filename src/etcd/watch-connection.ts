// The connection that watches stream over: requests go up in a body that stays open, messages come down line by line. Watches share
// the connection, and each has an identifier. A dead link is noticed with requests for progress, which etcd answers over the
// same stream. This file does not know what is watched, and never connects again: see watches.ts.

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { patientTimeout, systemClock, type Patience } from '../time';
import { refused, silent, unreachable, watchRefusal } from './etcd-failure';
import type { EtcdServer } from './etcd-server';
import { int64, list, object, revisionOf, text, type Json } from './wire';

/** What every message of a server says of the store. */
export interface StoreMark {
  readonly revision: bigint;
  readonly cluster: string;
  readonly term: bigint;
}

export interface WatchMessages {
  onOpened(id: number, mark: StoreMark): void;
  /** @param isPart more events of the last revision follow in the next message of this watch */
  onEvents(id: number, events: readonly Json[], mark: StoreMark, isPart: boolean): void;
  onCompacted(id: number, compactRevision: bigint): void;
  onRefused(id: number, error: Error): void;
}

export interface WatchConnectionOptions {
  readonly server: EtcdServer;
  readonly token: string | undefined;
  readonly heartbeatMs: number;
  /** For the first byte. */
  readonly connectTimeoutMs: number;
  readonly messages: WatchMessages;
}

/** Silence of so many heartbeat intervals ends the connection. */
const SILENT_INTERVALS = 2.5;
/** Messages that belong to no watch, such as answers to requests for progress. */
const NO_WATCH = -1;
const NEW_LINE = 0x0a;

export class WatchConnection {
  /** Resolves once, with the reason. */
  readonly ended: Promise<Error>;
  readonly #options: WatchConnectionOptions;
  readonly #request: ClientRequest;
  readonly #onEnd: (reason: Error) => void;
  /** Watches without an answer so far: a refusal does not name the watch, but answers come in the order of requests. */
  readonly #asked: number[] = [];
  readonly #waitForProgress: ((mark: StoreMark) => void)[] = [];
  #rest: Buffer[] = [];
  #heartbeat: Patience;
  /** When the last byte has come, on the clock. */
  #heardAt = systemClock.now();
  #hasAnswered = false;
  #isOver = false;

  constructor(options: WatchConnectionOptions) {
    this.#options = options;
    const { server, token, connectTimeoutMs } = options;
    let onEnd!: (reason: Error) => void;
    this.ended = new Promise((resolve) => (onEnd = resolve));
    this.#onEnd = onEnd;
    this.#request = server.openStream('/v3/watch', token);
    this.#request.on('error', (error) => this.#end(unreachable(server.address, 'watch', error, false)));
    this.#request.on('response', (response) => this.#onResponse(response));
    this.#heartbeat = patientTimeout(systemClock, connectTimeoutMs, () => {
      this.#end(silent(server.address, 'watch', connectTimeoutMs, false));
    });
  }

  /** Whether the server has said anything over this connection. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** @param id unique on this connection, greater than 0 */
  create(id: number, form: Json): void {
    this.#asked.push(id);
    this.#send({ create_request: { ...form, watch_id: String(id), fragment: true } });
  }

  cancel(id: number): void {
    this.#send({ cancel_request: { watch_id: String(id) } });
  }

  /** Resolves with the next answer to a request for progress; never when the connection ends before. */
  progress(): Promise<StoreMark> {
    return new Promise((resolve) => {
      this.#waitForProgress.push(resolve);
      this.#send({ progress_request: {} });
    });
  }

  /** Whether the open connection keeps the process alive. Default true. */
  hold(isHeld: boolean): void {
    const { socket } = this.#request;
    const apply = (connected: Socket): void => void (isHeld ? connected.ref() : connected.unref());
    if (socket) apply(socket);
    else this.#request.once('socket', apply);
  }

  end(reason: Error): void {
    this.#end(reason);
  }

  #send(message: Json): void {
    if (!this.#isOver) this.#request.write(JSON.stringify(message));
  }

  #end(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#heartbeat.cancel();
    this.#request.destroy();
    this.#onEnd(reason);
  }

  #onResponse(response: IncomingMessage): void {
    const { server } = this.#options;
    const over = (error?: Error): void => {
      this.#end(unreachable(server.address, 'watch', error ?? new Error('the server ended the connection'), false));
    };
    response.on('error', over);
    response.on('close', () => over());
    response.on('data', (chunk: Buffer) => this.#onChunk(chunk, response.statusCode ?? 0));
    response.on('end', () => {
      // A refusal of the whole request may come without the end of a line.
      if (this.#rest.length > 0) this.#onLine(Buffer.concat(this.#rest), response.statusCode ?? 0);
      over();
    });
  }

  #onChunk(chunk: Buffer, status: number): void {
    this.#heardAt = systemClock.now();
    if (!this.#hasAnswered) {
      this.#hasAnswered = true;
      this.#listen(this.#options.heartbeatMs);
    }
    let from = 0;
    for (let end = chunk.indexOf(NEW_LINE); end >= 0 && !this.#isOver; end = chunk.indexOf(NEW_LINE, from)) {
      const line = chunk.subarray(from, end);
      from = end + 1;
      this.#onLine(this.#rest.length > 0 ? Buffer.concat([...this.#rest, line]) : line, status);
      this.#rest = [];
    }
    if (from < chunk.length) this.#rest.push(chunk.subarray(from));
  }

  /** Asks for a sign of life when nothing has come for an interval, and gives up after several. */
  #listen(inMs: number): void {
    const { heartbeatMs, server } = this.#options;
    this.#heartbeat.cancel();
    this.#heartbeat = patientTimeout(systemClock, inMs, () => {
      if (this.#isOver) return;
      const silentMs = systemClock.now() - this.#heardAt;
      if (silentMs < heartbeatMs) this.#listen(heartbeatMs - silentMs);
      else if (silentMs < SILENT_INTERVALS * heartbeatMs) {
        this.#send({ progress_request: {} });
        this.#listen(heartbeatMs / 2);
      } else {
        const words = new Error(`the connection was silent for ${Math.round(silentMs)} ms`);
        this.#end(unreachable(server.address, 'watch', words, false));
      }
    });
  }

  #onLine(line: Buffer, status: number): void {
    if (line.length === 0) return;
    const { server, messages } = this.#options;
    const message = parsed(line);
    if (message?.result === undefined) {
      const said = object(message?.error ?? message);
      const code = said.grpc_code ?? said.code;
      const refusal = { status, grpcCode: typeof code === 'number' ? code : undefined, message: text(said.message) };
      this.#end(refused(server.address, 'watch', refusal));
      return;
    }
    const result = object(message.result);
    const mark = markOf(result);
    const id = Number(int64(result.watch_id));
    if (result.created === true) {
      const asked = this.#asked.shift() ?? id;
      if (result.canceled === true) messages.onRefused(asked, this.#whyRefused(result));
      else messages.onOpened(asked, mark);
    } else if (result.canceled === true) {
      const compactRevision = int64(result.compact_revision);
      if (compactRevision > 0n) messages.onCompacted(id, compactRevision);
      else messages.onRefused(id, this.#whyRefused(result));
    } else if (id === NO_WATCH) {
      for (const resolve of this.#waitForProgress.splice(0)) resolve(mark);
    } else messages.onEvents(id, list(result.events), mark, result.fragment === true);
  }

  #whyRefused(result: Json): Error {
    return refused(this.#options.server.address, 'watch', watchRefusal(text(result.cancel_reason)));
  }
}

export function markOf(answer: Json): StoreMark {
  const { cluster_id: cluster, raft_term: term } = object(answer.header);
  return { revision: revisionOf(answer), cluster: text(cluster), term: int64(term) };
}

function parsed(line: Buffer): Json | undefined {
  try {
    return object(JSON.parse(line.toString()));
  } catch {
    return undefined;
  }
}

// A server of etcd over HTTP: requests that are answered once, with a time limit, and the connection that watches stream over.
// Knows nothing of the meaning of requests, of other servers and of passwords.

import http from 'node:http';
import https from 'node:https';
import { onAbort } from '../abort-listeners';
import { patientTimeout, systemClock } from '../time';
import { answerTooLarge, closed, refused, silent, unreachable } from './etcd-failure';
import type { EtcdTlsOptions } from './etcd-options';
import { object, text, type Json } from './wire';

/** Connections for reads and writes; more requests wait. */
const MAX_SOCKETS = 8;
/** Leases have separate connections, so that no renewal waits behind large values. */
const MAX_LEASE_SOCKETS = 2;
/** A text of JavaScript has half a billion characters at most. Only a range without a limit has an answer near this size. */
const MAX_ANSWER_BYTES = 2 ** 28;

/**
 * With this header a member that knows no leader refuses, and ends watches. Otherwise a member that is cut off from the others goes on to
 * serve watches in which nothing happens any more.
 */
const REQUIRES_LEADER = { 'grpc-metadata-hasleader': 'true' };

export interface Question {
  /** The path, such as `/v3/kv/range`. */
  readonly path: string;
  readonly body: Json;
  /** What the request does, for messages: `put of "a"`. */
  readonly what: string;
  /** Whether a member that knows no leader shall refuse, at once. */
  readonly requiresLeader: boolean;
  readonly token: string | undefined;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

export class EtcdServer {
  /** The address in the form of messages. */
  readonly address: string;
  readonly #url: URL;
  readonly #tls: EtcdTlsOptions;
  readonly #agents: Readonly<Record<'lease' | 'other', http.Agent>>;
  #isClosed = false;

  constructor(url: URL, tls: EtcdTlsOptions) {
    this.#url = url;
    this.#tls = url.protocol === 'https:' ? tls : {};
    this.address = url.href.replace(/\/$/, '');
    const agent = (maxSockets: number): http.Agent =>
      url.protocol === 'https:'
        ? new https.Agent({ keepAlive: true, maxSockets, ...this.#tls })
        : new http.Agent({ keepAlive: true, maxSockets });
    this.#agents = { lease: agent(MAX_LEASE_SOCKETS), other: agent(MAX_SOCKETS) };
  }

  /**
   * @returns the answer; of a streaming answer the first message
   * @throws TrunklineError: no connection, no answer within the limit, or a refusal; the reason of the signal when that aborts
   */
  async ask(question: Question): Promise<Json> {
    const { what, limitMs, signal } = question;
    signal?.throwIfAborted();
    if (this.#isClosed) throw closed(what);
    const agent = this.#agents[question.path.startsWith('/v3/lease/') ? 'lease' : 'other'];
    const headers = question.requiresLeader ? REQUIRES_LEADER : {};
    const request = this.#request(question.path, question.token, agent, headers);
    /** Nothing has been sent before there is a connection. */
    let isSent = false;
    request.once('socket', (socket) => {
      const sent = (): void => void (isSent = true);
      if (socket.connecting) socket.once(this.#url.protocol === 'https:' ? 'secureConnect' : 'connect', sent);
      else sent();
    });
    let failure: Error | undefined;
    const fail = (error: Error): void => {
      failure ??= error;
      request.destroy(error);
    };
    const limit = patientTimeout(systemClock, limitMs, () => {
      fail(silent(this.address, what, limitMs, isSent));
      forgetIdle(agent);
    });
    const stopWaiting = signal && onAbort(signal, () => fail(signal.reason as Error));
    try {
      const answer = await readAnswer(request, JSON.stringify(question.body));
      if (answer === 'too large') throw new Refused(answerTooLarge(this.address, what, MAX_ANSWER_BYTES));
      return this.#understood(what, answer);
    } catch (error) {
      if (failure) throw failure;
      if (this.#isClosed) throw closed(what);
      throw error instanceof Refused ? error.why : unreachable(this.address, what, error, isSent);
    } finally {
      limit.cancel();
      stopWaiting?.();
    }
  }

  /**
   * A new connection for a request whose body stays open while the answer streams. `connection: close` makes that possible: on a
   * connection that is to be kept, the server of Go reads the whole body before the first byte of the answer.
   */
  openStream(path: string, token: string | undefined): http.ClientRequest {
    const request = this.#request(path, token, false, { connection: 'close', ...REQUIRES_LEADER });
    request.setNoDelay(true);
    return request;
  }

  /** Ends all connections of requests; what is under way is rejected. Streams are ended by who opened them. */
  close(): void {
    this.#isClosed = true;
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #request(
    path: string,
    token: string | undefined,
    agent: http.Agent | false,
    headers: http.OutgoingHttpHeaders,
  ): http.ClientRequest {
    const { hostname, port, pathname, protocol } = this.#url;
    const options: https.RequestOptions = {
      method: 'POST',
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      ...(port !== '' && { port }),
      path: pathname.replace(/\/$/, '') + path,
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: token }), ...headers },
      agent,
      ...this.#tls,
    };
    return protocol === 'https:' ? https.request(options) : http.request(options);
  }

  #understood(what: string, { status, body }: Answer): Json {
    const message = parsed(body);
    if (message === undefined)
      throw new Refused(refused(this.address, what, { status, grpcCode: undefined, message: firstLine(body) }));
    // A streaming answer has each message in `result`, and a failure in `error`, with status 200.
    const failure = typeof message.error === 'string' ? message : message.error === undefined ? undefined : object(message.error);
    if (status === 200 && failure === undefined) return 'result' in message ? object(message.result) : message;
    const code = failure?.code ?? failure?.grpc_code;
    const said = text(failure?.message) || text(failure?.error);
    throw new Refused(
      refused(this.address, what, { status, grpcCode: typeof code === 'number' ? code : undefined, message: said }),
    );
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Tells a refusal, which was worded already, from a failure of the connection. */
class Refused extends Error {
  constructor(readonly why: Error) {
    super();
  }
}

function readAnswer(request: http.ClientRequest, body: string): Promise<Answer | 'too large'> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes <= MAX_ANSWER_BYTES) return;
        resolve('too large');
        request.destroy();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.end(body);
  });
}

/** Connections that wait for the next request may be as dead as the connection without an answer. */
function forgetIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

/** @returns undefined for what is no JSON object; of several lines the first */
function parsed(body: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(body.includes('\n') ? firstLine(body) : body);
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function firstLine(body: string): string {
  const line = body.trimStart().split('\n', 1)[0] ?? '';
  return line.length > 200 && !line.startsWith('{') ? `${line.slice(0, 200)}…` : line;
}

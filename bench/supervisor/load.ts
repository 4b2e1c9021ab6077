// HTTP load of many clients that notice every lost request: nothing is tried twice.

import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** Clients that keep the connection open. */
const KEEP_ALIVE_CLIENTS = 16;
/** Clients that open a connection for each request. */
const FRESH_CLIENTS = 4;
/** A client rests up to this long, ms, between two requests: connections are then also met while idle. */
const REST_MS = 20;
/** A request that takes longer, ms, is lost. */
const TIMEOUT_MS = 10_000;

export interface Tally {
  sent: number;
  lost: number;
  /** Requests of `lost` that a worker had begun. */
  begun: number;
  /**
   * Requests of `lost` that no worker had begun, on a connection with an earlier answer: the client wrote while the server
   * closed the connection.
   */
  raced: number;
  /** How requests were lost: error code, status, `timeout`. */
  readonly causes: Map<string, number>;
}

export class Load {
  readonly #url: string;
  readonly tally: Tally = { sent: 0, lost: 0, begun: 0, raced: 0, causes: new Map() };
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/work`;
    this.#clients = [
      ...Array.from({ length: KEEP_ALIVE_CLIENTS }, () => this.#client(new http.Agent({ keepAlive: true, maxSockets: 1 }))),
      ...Array.from({ length: FRESH_CLIENTS }, () => this.#client(new http.Agent({ keepAlive: false }))),
    ];
  }

  /** Ends with the requests that are under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client(agent: http.Agent): Promise<void> {
    while (!this.#stopped) {
      await this.#request(agent);
      await wait(Math.random() * REST_MS);
    }
    agent.destroy();
  }

  async #request(agent: http.Agent): Promise<void> {
    const request = http.get(this.#url, { agent });
    this.tally.sent++;
    let begun = false;
    request.on('information', () => (begun = true));
    const cause = await outcome(request);
    if (cause === undefined) return;
    this.tally.lost++;
    if (begun) this.tally.begun++;
    else if (request.reusedSocket) this.tally.raced++;
    this.tally.causes.set(cause, (this.tally.causes.get(cause) ?? 0) + 1);
  }
}

/** @returns undefined when there was a whole answer, else why not */
function outcome(request: http.ClientRequest): Promise<string | undefined> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => {
      resolve('timeout');
      request.destroy();
    }, TIMEOUT_MS);
    const end = (cause?: string): void => {
      clearTimeout(limit);
      resolve(cause);
    };
    request.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    request.on('response', (response) => {
      response.resume();
      response.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
      response.on('end', () => end(response.statusCode === 200 ? undefined : `status ${response.statusCode}`));
    });
  });
}

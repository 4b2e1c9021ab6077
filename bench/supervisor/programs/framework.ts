// The application as a framework in the sense of egg-cluster: the classes `Agent` and `Application`, which the
// supervisor creates and asks for the rest.

import { EventEmitter } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { startAgent, startWorker } from './application';
import { reportReady } from './report';

interface FrameworkOptions {
  readonly clusterPort: number;
}

class Program extends EventEmitter {
  readonly config = { cluster: { listen: { hostname: '127.0.0.1' } } };
  readonly #started: Promise<void>;

  constructor(started: Promise<void>) {
    super();
    this.#started = started;
  }

  ready(callback: (error?: unknown) => void): void {
    void this.#started.then(() => callback(), callback);
  }

  async close(): Promise<void> {
    // Nothing but the shared client, which ends with the process.
  }
}

export class Agent extends Program {
  constructor({ clusterPort }: FrameworkOptions) {
    super(startAgent({ port: clusterPort, isLeader: true }));
  }
}

export class Application extends Program {
  #listener: RequestListener | undefined;

  constructor({ clusterPort }: FrameworkOptions) {
    super(
      startWorker({ port: clusterPort, isLeader: false }).then((listener) => {
        this.#listener = listener;
      }),
    );
    this.once('server', (server: Server) => server.once('listening', () => reportReady('worker')));
  }

  callback(): RequestListener {
    return this.#listener!;
  }
}

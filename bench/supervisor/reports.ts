// What the measured programs tell the driver: a loopback connection for each report. Reports need nothing of the supervisor, are
// the same for all supervisors, and cost the process next to nothing. Times are of `clock()`.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Where programs find the port to report to. */
export const REPORTS_VARIABLE = 'BENCH_REPORTS';

export interface Ready {
  readonly kind: 'ready';
  readonly role: 'agent' | 'worker';
  readonly pid: number;
  /** When the process was started. */
  readonly startedAtMs: number;
  readonly atMs: number;
}

/** A worker has got a value from the shared client. */
export interface Value {
  readonly kind: 'value';
  readonly pid: number;
  /** The agent that gave the value. */
  readonly agent: number;
  readonly atMs: number;
}

export type Report = Ready | Value;

/** Longer than anything that is waited for takes on a slow machine, ms. */
const PATIENCE_MS = 60_000;

export class Reports {
  readonly #server: net.Server;
  readonly #received: Report[] = [];
  readonly #waiting = new Set<() => void>();
  #failure: Error | undefined;

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      text(socket).then(
        (line) => this.#receive(JSON.parse(line) as Report),
        () => undefined, // the process was killed meanwhile
      );
    });
  }

  static async open(): Promise<Reports> {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Reports(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get ready(): Ready[] {
    return this.#received.filter((report) => report.kind === 'ready');
  }

  get values(): Value[] {
    return this.#received.filter((report) => report.kind === 'value');
  }

  /**
   * Waits until `look` finds something in what was reported.
   * @param what for the error
   * @throws Error when that takes too long, or what `fail` was told
   */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let check: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`not seen within ${PATIENCE_MS} ms: ${what}`)), PATIENCE_MS);
        check = () => {
          const found = look();
          if (found !== undefined) resolve(found);
          else if (this.#failure) reject(this.#failure);
        };
        this.#waiting.add(check);
        check();
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(check!);
    }
  }

  /** Nothing more will be reported. */
  fail(error: Error): void {
    this.#failure = error;
    this.#look();
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #receive(report: Report): void {
    this.#received.push(report);
    this.#look();
  }

  #look(): void {
    for (const check of this.#waiting) check();
  }
}

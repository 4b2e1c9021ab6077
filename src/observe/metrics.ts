// `metrics()`: the text of Prometheus for one host, by prom-client. host-metrics.ts says what is told; here the metrics are put into a
// registry, each reading of which takes one look at the host.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HostView } from '../host-view';
import { optionalPackage } from '../optional-package';
import { systemClock, within } from '../time';
import { TrunklineError } from '../errors';
import { HostMetrics, type HostMetric } from './host-metrics';
import { ownViews } from './own-view';

/** Where the metrics come from: what `startCluster` gives, a source of views, or undefined for this process alone. */
export type MetricsSource = { view(): Promise<HostView> } | { read(): Promise<HostView> };

/** A `Registry` of prom-client, as far as it is used. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

export interface MetricsOptions {
  /** What `startCluster` gives, in the program of a supervisor; or a source of views. Default: the clients of this process. */
  readonly source?: MetricsSource | undefined;
  /** The registry of prom-client to which the metrics are added, e.g. `client.register`. Default: a registry of their own. */
  readonly register?: MetricsRegistry | undefined;
  /** Before the name of each metric. Default `trunkline_`. */
  readonly prefix?: string | undefined;
}

export interface Metrics {
  /** All metrics of the registry, in the format of Prometheus. Never rejected because the source does not answer. */
  text(): Promise<string>;
  /** The content type of the text. */
  readonly contentType: string;
  /** Answers a request of `node:http`, of Express and others that hand on these objects. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes the metrics out of the registry. */
  close(): void;
}

/** How long a reading waits for the source, ms: a scraper waits 10 s by default. */
const SOURCE_MS = 3_000;

/** What the names of metrics may begin with in the format of Prometheus; empty is allowed. */
const PREFIX = /^([a-z_:][\w:]*)?$/i;

/**
 * Metrics for Prometheus: of a whole application where its supervisor runs, otherwise of this process. Processes that are gone stay in
 * the counters.
 * @throws TrunklineError ERR_TRUNKLINE_PACKAGE_MISSING when `prom-client` is not installed, ERR_TRUNKLINE_OPTION_INVALID
 */
export function metrics(options: MetricsOptions = {}): Metrics {
  const { source, prefix = 'trunkline_' } = options;
  check(source, prefix);
  const { Registry } = optionalPackage('prom-client', 'metrics()', () => require('prom-client') as typeof import('prom-client'));
  const register: MetricsRegistry = options.register ?? new Registry();
  const host = new HostMetrics(prefix);
  const looks = new Looks(host, source ? () => readFrom(source) : readOwn());
  for (const metric of host.all) register.registerMetric(registeredMetric(metric, looks) as never);
  return {
    text: () => register.metrics(),
    get contentType() {
      return register.contentType;
    },
    handler: (request, response) => {
      void answer(request, response, register);
    },
    close: () => {
      for (const { name } of host.all) register.removeSingleMetric(name);
    },
  };
}

/** @throws TrunklineError */
function check(source: Partial<Record<'view' | 'read', unknown>> | undefined, prefix: unknown): void {
  if (source !== undefined && typeof (source.view ?? source.read) !== 'function')
    throw invalid('source must be what startCluster resolves with (await it first), or have a method read');
  if (typeof prefix !== 'string' || !PREFIX.test(prefix))
    throw invalid(`prefix must begin with a letter, and have letters, digits and _ only, but is ${JSON.stringify(prefix)}`);
}

function invalid(message: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `metrics: ${message}`);
}

function readOwn(): () => Promise<HostView> {
  const read = ownViews();
  return () => Promise.resolve(read());
}

function readFrom(source: MetricsSource): Promise<HostView> {
  return 'view' in source ? source.view() : source.read();
}

/** One look at the host for all metrics of a reading. */
class Looks {
  readonly #host: HostMetrics;
  readonly #read: () => Promise<HostView>;
  #look: Promise<void> | undefined;

  constructor(host: HostMetrics, read: () => Promise<HostView>) {
    this.#host = host;
    this.#read = read;
  }

  /** Resolves when the metrics are those of now, or of before if the source does not answer. */
  taken(): Promise<void> {
    this.#look ??= this.#take().finally(() => (this.#look = undefined));
    return this.#look;
  }

  async #take(): Promise<void> {
    let view: HostView | undefined;
    // The source may be of the user, and throw.
    const reading = (async () => (view = await this.#read()))().catch(() => undefined);
    await within(systemClock, SOURCE_MS, reading);
    this.#host.take(view);
  }
}

/** What a registry of prom-client asks of its metrics. */
interface RegisteredMetric {
  name: string;
  readonly type: HostMetric['type'];
  get(): Promise<object>;
  reset(): void;
}

function registeredMetric({ name, help, type, samples }: HostMetric, looks: Looks): RegisteredMetric {
  return {
    name,
    type,
    async get() {
      await looks.taken();
      // A registry of the format OpenMetrics changes the name of a counter.
      return { name: this.name, help, type, aggregator: 'sum', values: samples() };
    },
    reset: () => undefined, // the counts are those of the clients
  };
}

async function answer({ method }: IncomingMessage, response: ServerResponse, register: MetricsRegistry): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end('metrics are read with GET\n');
    return;
  }
  try {
    const text = await register.metrics();
    response.writeHead(200, { 'content-type': register.contentType, 'cache-control': 'no-store' });
    response.end(method === 'HEAD' ? undefined : text);
  } catch (error) {
    // A metric of the user in the same registry has failed.
    response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(`${(error as Error).message}\n`);
  }
}

// `startMetricsServer(options)`: a web server for a scraper, and for nobody else.

import { startHttpService, type HttpService } from './http-service';
import { metrics, type MetricsOptions } from './metrics';

export interface MetricsServerOptions extends MetricsOptions {
  /** The port to listen on; 0 takes a free port. Default 9464, as exporters of OpenTelemetry. */
  readonly port?: number | undefined;
  /** The address to listen on. Metrics hold no values, but the names of channels and methods. Default `127.0.0.1`. */
  readonly host?: string | undefined;
}

export interface MetricsServer {
  /** For a scraper, such as `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  /** Stops listening and ends all connections. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_PORT = 9464;
const PATH = '/metrics';
/** More than all scrapers of a host need. */
const MAX_CONNECTIONS = 64;

/**
 * Resolves when the server listens.
 * @throws the error of Node.js when the port cannot be bound, and what `metrics()` throws
 */
export async function startMetricsServer(options: MetricsServerOptions = {}): Promise<MetricsServer> {
  const { port = DEFAULT_PORT, host = '127.0.0.1' } = options;
  const told = metrics(options);
  let service: HttpService;
  try {
    service = await startHttpService({
      port,
      host,
      maxConnections: MAX_CONNECTIONS,
      onRequest: (request, response) => {
        if (request.url?.split('?', 1)[0] === PATH) told.handler(request, response);
        else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end(`the metrics are at ${PATH}\n`);
      },
    });
  } catch (error) {
    told.close();
    throw error;
  }
  return {
    url: service.origin + PATH,
    close: () => {
      told.close();
      return service.close();
    },
  };
}

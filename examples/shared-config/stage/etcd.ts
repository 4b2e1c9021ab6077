// etcd, which cannot be asked for connections; but the metrics say how many watch streams are open, and each client that watches has
// exactly one stream.

import type { Changes } from './changes';
import type { ConfigServer } from './config-server';
import { CountedServer, noAnswer, type Count } from './counted-server';
import { Failure } from './failure';
import { isCommand, type ServerProgram } from './own-server';

const ANSWER_LIMIT_MS = 2_000;
const WATCH_STREAMS = /^etcd_debugging_mvcc_watch_stream_total (\d+)/m;

const watchStreams: Count = {
  unit: 'watch streams',
  countedBy: 'etcd, one per client',
  count: async (url) => {
    const response = await fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const found = WATCH_STREAMS.exec(await response.text());
    return found ? Number(found[1]) : undefined;
  },
};

/** An etcd of the demo's own. */
export const etcd: ServerProgram = {
  name: 'etcd',
  ...watchStreams,
  ports: 2,
  missing: () =>
    isCommand('etcd') ? undefined : 'etcd is not installed here (Debian: etcd-server); install it, or set ETCD_URL',
  command: (folder, [client, peer]) => {
    const [url, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
    return [
      'etcd',
      ...['--data-dir', folder],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `default=${peerUrl}`],
    ];
  },
  url: (port) => `http://127.0.0.1:${port}`,
};

/** An etcd that runs already. */
export function runningEtcd(url: string, changes: Changes): ConfigServer {
  const { unit, countedBy } = watchStreams;
  const server = new CountedServer(url, watchStreams, changes);
  return {
    name: 'etcd',
    url,
    unit,
    countedBy,
    get connections() {
      return server.connections;
    },
    start: async () => {
      if (!/^https?:\/\//.test(url)) throw new Failure(`ETCD_URL must look like http://127.0.0.1:2379, but is ${url}`);
      await server.start().catch((error: unknown) => {
        throw noAnswer(`etcd at ${url}`, error, 'start it, or leave ETCD_URL unset');
      });
    },
    stop: () => {
      server.stop();
      return Promise.resolve();
    },
  };
}

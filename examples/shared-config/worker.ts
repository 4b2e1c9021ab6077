// A process that shares a client of the registry. The code is the same for leading and following: everything about sharing is in
// the statement that makes `config`. The rest reports to the demo and takes orders.

import cluster from 'trunkline';
import { configClientClass, type Setting } from './config-client';

/** What the demo tells a worker. */
export type Order =
  | { readonly type: 'get'; readonly id: number; readonly key: string }
  | { readonly type: 'set'; readonly id: number; readonly key: string; readonly value: string }
  | { readonly type: 'watch'; readonly key: string };

/** What a worker tells the demo. */
export type Report =
  | { readonly type: 'ready'; readonly isLeader: boolean }
  | { readonly type: 'seen'; readonly isLeader: boolean; readonly setting: Setting }
  | { readonly type: 'answer'; readonly id: number; readonly setting?: Setting | undefined; readonly error?: string }
  | { readonly type: 'failed'; readonly message: string };

/** Closing takes milliseconds; a worker without a parent must not stay for more than this. */
const CLOSE_LIMIT_MS = 2_000;

async function main(url: string, firstKey: string): Promise<void> {
  const Client = await configClientClass(url);
  if (!process.connected) return; // the demo was ended meanwhile

  const config = cluster(Client)
    .delegate('get', 'invoke', { idempotent: true }) // a call that was under way when the leader died is sent again
    .delegate('set', 'invoke', { idempotent: true })
    .create({ url });

  const watch = (key: string): void => {
    void config.subscribe({ key }, (setting) => tell({ type: 'seen', isLeader: config.isClusterClientLeader, setting }));
  };
  const obey = async (order: Order): Promise<void> => {
    if (order.type === 'watch') return watch(order.key);
    const { id, key } = order;
    try {
      const setting = order.type === 'get' ? await config.get(key) : await config.set(key, order.value);
      tell({ type: 'answer', id, setting });
    } catch (error) {
      tell({ type: 'answer', id, error: (error as Error).message });
    }
  };
  process.on('message', (order: Order) => void obey(order));
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), CLOSE_LIMIT_MS).unref();
    void cluster.close(config);
  });

  watch(firstKey);
  await config.ready();
  tell({ type: 'ready', isLeader: config.isClusterClientLeader });
}

function tell(report: Report): void {
  if (process.connected) process.send?.(report);
}

const [url = '', firstKey = ''] = process.argv.slice(2);
main(url, firstKey).catch((error: Error) => tell({ type: 'failed', message: error.message }));

// A process that shares a client of a server of settings. How a client is shared stands in registry-settings.ts, for a class of one's own,
// and in store-settings.ts, for the ready-made classes. The rest reports to the demo and takes orders.

import type { Setting } from './config-client';
import { sharedSettings } from './shared-settings';

/** What the demo tells a worker. */
export type Order =
  | { readonly type: 'get'; readonly id: number; readonly key: string }
  | { readonly type: 'set'; readonly id: number; readonly key: string; readonly value: string }
  | { readonly type: 'watch'; readonly key: string };

/** What a worker tells the demo. */
export type Report =
  | { readonly type: 'ready'; readonly isLeader: boolean }
  | { readonly type: 'seen'; readonly isLeader: boolean; readonly term: number; readonly setting: Setting }
  | { readonly type: 'answer'; readonly id: number; readonly setting?: Setting | undefined; readonly error?: string }
  | { readonly type: 'failed'; readonly message: string };

/** Closing takes milliseconds; a worker without a parent must not stay for more than this. */
const CLOSE_LIMIT_MS = 2_000;

async function main(url: string, firstKey: string): Promise<void> {
  const config = await sharedSettings(url);
  if (!process.connected) return config.close(); // the demo was ended meanwhile

  const watch = (key: string): void => {
    config.watch(key, (setting) => tell({ type: 'seen', isLeader: config.isLeader, term: config.term, setting }));
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
    void config.close();
  });

  watch(firstKey);
  await config.ready();
  tell({ type: 'ready', isLeader: config.isLeader });
}

function tell(report: Report): void {
  if (process.connected) process.send?.(report);
}

const [url = '', firstKey = ''] = process.argv.slice(2);
main(url, firstKey).catch((error: Error) => tell({ type: 'failed', message: error.message }));

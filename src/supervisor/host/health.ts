// The health of this process, which a child reports to the master from time to time.

import inspector from 'node:inspector';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { fact } from '../../facts';
import type { Health } from '../messaging/messages';

/** @returns tells how the process feels, and has felt since the last time */
export function observeHealth(): () => Health {
  const delays = fact(() => monitorEventLoopDelay());
  fact(() => delays?.enable());
  return () => {
    // The resident memory is read from /proc, which needs a free descriptor; without a descriptor the memory is not known.
    const memoryBytes = fact(() => (isMainThread ? process.memoryUsage.rss() : getHeapStatistics().used_heap_size));
    const eventLoopDelayMs = fact(() => delays && Math.round(delays.max / 1e6));
    fact(() => delays?.reset());
    return { memoryBytes, eventLoopDelayMs, isInspected: fact(() => inspector.url()) !== undefined };
  };
}

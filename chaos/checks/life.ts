// Ends: a closed client reports nothing more, every trace ends once, no process ends except by the driver, and no process grows without a limit.

import type { History } from '../history';
import type { PromiseName, Violation } from './violation';

/** Many times what a member needs for all values that a stopped consumer is owed. */
const MEMORY_BYTES = 2 ** 30;
/** Time before an end, to show the causes, ms. */
const BEFORE_MS = 5_000;

export function checkLife(history: History): Violation[] {
  const violations: Violation[] = [];
  for (const entry of history) {
    const violated = (
      promise: PromiseName,
      pid: number,
      what: string,
      about: { channel?: string; clients?: string[] } = {},
    ): void => {
      const violation = { promise, what: `process ${pid} ${what}`, from: entry.at - BEFORE_MS, to: entry.at };
      violations.push({ ...violation, about: { pids: [pid], ...about } });
    };
    switch (entry.kind) {
      case 'after-close': {
        const { channel, client, message } = entry;
        violated('nothing after close', entry.pid, `heard of ${client} after close(): ${message}`, {
          channel,
          clients: [client],
        });
        break;
      }
      case 'unhandled':
        violated('no crash', entry.pid, `had an unhandled rejection: ${entry.message}`);
        break;
      case 'telemetry':
        violated('every trace ends once', entry.pid, `was told wrong: ${entry.message}`);
        break;
      case 'exited':
        if (!entry.wasWanted) violated('no crash', entry.pid, `ended with ${entry.how}\n${entry.output}`);
        break;
      case 'memory':
        if (entry.rssBytes > MEMORY_BYTES)
          violated('bounded memory', entry.pid, `uses ${Math.round(entry.rssBytes / 2 ** 20)} MB, leads=${entry.leads}`);
    }
  }
  return violations;
}

// Never backwards, within the life of a subscription. A lower version is never legitimate, not even after a failover: the server
// gives the present value to every client that watches a key, and the first value of a new leader is at least what any
// subscriber of an earlier leader has got. The same version again is legitimate: a new leader repeats the value.

import type { EntryOf, History } from '../history';
import type { PromiseName, Violation } from './violation';

export function checkDelivery(history: History): Violation[] {
  const violations: Violation[] = [];
  const newest = new Map<string, EntryOf<'delivered'>>();
  const ended = new Map<string, EntryOf<'unsubscribed'>>();
  for (const entry of history) {
    if (entry.kind === 'unsubscribed') ended.set(entry.subscription, entry);
    if (entry.kind !== 'delivered') continue;
    const { at, pid, channel, client, subscription, key, version } = entry;
    const violated = (promise: PromiseName, what: string, from: number): void => {
      const about = { pids: [pid], channel, clients: [client], subscription };
      violations.push({ promise, what: `subscription ${subscription} of ${channel}/${key} ${what}`, from, to: at, about });
    };
    const last = newest.get(subscription);
    const end = ended.get(subscription);
    if (end) violated('unsubscribed listeners hear nothing', `got version ${version} after it was ended`, end.at);
    if (!entry.isWhole) violated('values arrive whole', `got version ${version} with other bytes than the server sent`, at);
    if (last && version < last.version) violated('never backwards', `got version ${version} after ${last.version}`, last.at);
    else newest.set(subscription, entry);
  }
  return violations;
}

// No call is claimed by a deposed winner. A call that was made when a newer winner had an upstream client can only be claimed after
// the older winner was deposed. Calls of the winner's own host are not claimed in the engine.

import type { Violation } from '../../checks/violation';
import type { EntryOf, History } from '../../history';
import { hostOf } from '../plan';

export function checkDeposed(history: History): Violation[] {
  const violations: Violation[] = [];
  const connections = new Map<number, EntryOf<'upstream-on'>>();
  const called = new Map<string, EntryOf<'called'>>();
  const hosts = hostsOf(history);
  const newest: EntryOf<'upstream-on'>[] = [];
  for (const entry of history) {
    if (entry.kind === 'upstream-on') {
      connections.set(entry.connection, entry);
      if ((entry.epoch ?? 0) > (newest.at(-1)?.epoch ?? 0)) newest.push(entry);
    } else if (entry.kind === 'called') called.set(entry.call, entry);
    else if (entry.kind === 'journal' && entry.connection !== undefined) {
      const call = called.get(entry.call);
      const ran = connections.get(entry.connection);
      if (!call || ran?.epoch === undefined || hosts.get(call.pid) === hosts.get(entry.pid)) continue;
      const { epoch } = ran;
      const successor = newest.find((each) => each.at < call.at && each.epoch! > epoch);
      if (!successor) continue;
      violations.push({
        promise: 'no call claimed by a deposed winner',
        what: `call ${entry.call} was made when process ${successor.pid} had won epoch ${successor.epoch}, and was run by process ${entry.pid} of epoch ${epoch}`,
        from: call.at,
        to: entry.at,
        about: { pids: [call.pid, entry.pid, successor.pid], channel: entry.channel, clients: [call.client], call: entry.call },
      });
    }
  }
  return violations;
}

/** The host of each process. */
export function hostsOf(history: History): ReadonlyMap<number, string> {
  const hosts = new Map<number, string>();
  for (const entry of history) if (entry.kind === 'started') hosts.set(entry.pid, hostOf(entry.slot));
  return hosts;
}

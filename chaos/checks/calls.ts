// Calls: carried out at most once, settled once, in time, and with the truth.

import type { EntryOf, History } from '../history';
import { NOT_ASKED } from '../upstream/client';
import type { PromiseName, Violation } from './violation';

/**
 * Codes that say that the call was never carried out: there was no receiver, or the call was refused. Every other error leaves
 * this open. ECONNREFUSED and ECONNRESET come from the start of an upstream client, never from a method.
 */
const NEVER_RAN: ReadonlySet<string> = new Set([
  'ERR_TRUNKLINE_OPTION_INVALID',
  'ERR_TRUNKLINE_PORT_TAKEN',
  'ERR_TRUNKLINE_PORT_FOREIGN',
  'ERR_TRUNKLINE_BIND_FAILED',
  'ERR_TRUNKLINE_NO_LEADER',
  'ERR_TRUNKLINE_PEER_SILENT',
  'ERR_TRUNKLINE_UNKNOWN_METHOD',
  'ERR_TRUNKLINE_UPSTREAM_FAILED',
  'ERR_TRUNKLINE_FLEET_NO_WINNER',
  'ERR_TRUNKLINE_FLEET_NO_ENGINE',
  'ECONNREFUSED',
  'ECONNRESET',
  NOT_ASKED,
]);

export function checkCalls(history: History): Violation[] {
  const violations: Violation[] = [];
  const called = new Map<string, EntryOf<'called'>>();
  const settled = new Map<string, EntryOf<'settled'>>();
  const journal = new Map<string, EntryOf<'journal'>>();

  const violated = (promise: PromiseName, entry: EntryOf<'settled' | 'journal' | 'called'>, what: string): void => {
    const { at, call, channel, pid } = entry;
    const start = called.get(call);
    const about = { pids: [...new Set([pid, start?.pid ?? pid])], channel, clients: start ? [start.client] : [], call };
    violations.push({ promise, what: `call ${call} of ${channel} ${what}`, from: start?.at ?? at, to: at, about });
  };

  for (const entry of history) {
    switch (entry.kind) {
      case 'called':
        called.set(entry.call, entry);
        break;
      case 'journal':
        if (journal.has(entry.call) && !entry.isIdempotent) violated('at most once', entry, 'was carried out twice');
        else journal.set(entry.call, entry);
        break;
      case 'settled': {
        const start = called.get(entry.call);
        if (settled.has(entry.call)) violated('every call settles', entry, `settled again, with ${entry.outcome}`);
        settled.set(entry.call, entry);
        if (start?.limitMs !== undefined && entry.ranMs > start.limitMs) {
          const took = `after ${Math.round(entry.ranMs)} ms of running time; ${start.limitMs} were promised`;
          violated('every call settles', entry, `settled with ${entry.outcome} ${took}`);
        }
        if (!entry.isOwn) violated('the outcome of a call is true', entry, 'got the answer of another call');
      }
    }
  }

  for (const [call, entry] of settled) {
    const start = called.get(call);
    if (!start?.method.startsWith('increment')) continue; // nothing else is in the journal
    if (entry.outcome === 'ok' && !journal.has(call)) {
      violated('the outcome of a call is true', entry, 'was answered, but never carried out');
    }
    const ran = journal.get(call);
    if (ran && !start.isIdempotent && NEVER_RAN.has(entry.outcome)) {
      const what = `ended with ${entry.outcome}, which says that it did not run, but it was carried out by process ${ran.pid}`;
      violated('the outcome of a call is true', ran.at > entry.at ? ran : entry, what);
    }
  }
  return violations;
}

// Streams: each row once and in order, to the end that was told; and one generator for each.

import type { EntryOf, History } from '../history';
import type { PromiseName, Violation } from './violation';

/** Codes that no stream of a run can end with: the method is shared everywhere, and all values can be carried. */
const NEVER: ReadonlySet<string> = new Set([
  'ERR_TRUNKLINE_OPTION_INVALID',
  'ERR_TRUNKLINE_NOT_SHARED',
  'ERR_TRUNKLINE_UNKNOWN_METHOD',
  'ERR_TRUNKLINE_NOT_ENCODABLE',
  'ERR_TRUNKLINE_NOT_DECODABLE',
  'ERR_TRUNKLINE_CALL_TIMEOUT',
  'TypeError',
  'RangeError',
]);

export function checkStreams(history: History): Violation[] {
  const violations: Violation[] = [];
  const began = new Map<string, EntryOf<'stream-began'>>();
  const last = new Map<string, EntryOf<'stream-rows'>>();
  const ended = new Map<string, EntryOf<'stream-ended'>>();
  const generators = new Set<string>();

  type Entry = EntryOf<'stream-rows' | 'stream-ended' | 'generator'>;
  const violated = (promise: PromiseName, entry: Entry, what: string): void => {
    const { at, stream, channel, pid } = entry;
    const start = began.get(stream);
    const about = { pids: [...new Set([pid, start?.pid ?? pid])], channel, clients: start ? [start.client] : [], stream };
    violations.push({ promise, what: `stream ${stream} of ${channel} ${what}`, from: start?.at ?? at, to: at, about });
  };

  for (const entry of history) {
    switch (entry.kind) {
      case 'stream-began':
        began.set(entry.stream, entry);
        break;
      case 'generator':
        if (!entry.isBegun) break;
        if (generators.has(entry.stream)) violated('at most once', entry, 'has a second generator');
        generators.add(entry.stream);
        break;
      case 'stream-rows': {
        const expected = (last.get(entry.stream)?.to ?? 0) + 1;
        if (entry.from !== expected) violated('every row once, in order', entry, `got row ${entry.from} instead of ${expected}`);
        if (ended.has(entry.stream)) violated('every row once, in order', entry, `got row ${entry.from} after its end`);
        last.set(entry.stream, entry);
        break;
      }
      case 'stream-ended': {
        const rows = last.get(entry.stream)?.to ?? 0;
        const wanted = began.get(entry.stream)?.rows ?? 0;
        if (ended.has(entry.stream)) violated('the end of a stream is true', entry, `ended again, with ${entry.outcome}`);
        ended.set(entry.stream, entry);
        if (!entry.isWhole) violated('values arrive whole', entry, 'got a row of another stream, or with other bytes');
        if (rows > wanted) violated('every row once, in order', entry, `got ${rows} rows of ${wanted}`);
        if (entry.outcome === 'all' && (rows !== wanted || entry.returned !== wanted))
          violated('the end of a stream is true', entry, `ended after ${rows} rows of ${wanted}, with ${entry.returned}`);
        if (NEVER.has(entry.outcome))
          violated('the end of a stream is true', entry, `ended with ${entry.outcome}: ${entry.message}`);
      }
    }
  }
  return violations;
}

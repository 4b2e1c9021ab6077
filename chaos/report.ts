// What a run prints: a summary, and each violation with the history that shows the violation.

import { CHANNELS } from './channels';
import { excerpt } from './checks/excerpt';
import { overlapsOf } from './checks/upstreams';
import type { Violation } from './checks/violation';
import type { EntryOf, History, HistoryEntry } from './history';
import type { Outcome } from './run';

/** Violations that are shown in full. */
const SHOWN = 3;

/** @param further rows of the scene */
export function summary({ history, startedAt, latestMs }: Outcome, further: readonly (readonly [string, string])[] = []): string {
  const settled = of(history, 'settled');
  const recoveries = of(history, 'recovered').map(({ detail }) => Number(detail));
  const overlaps = overlapsOf(history, CHANNELS).map(({ ranMs }) => ranMs);
  const journal = of(history, 'journal');
  const ended = of(history, 'stream-ended');
  const memory = of(history, 'memory');
  const rssMb = (entries: readonly EntryOf<'memory'>[]): string =>
    `${Math.round(Math.max(0, ...entries.map(({ rssBytes }) => rssBytes)) / 2 ** 20)} MB`;
  const rows: (readonly [string, string])[] = [
    ['time', `${(((history.at(-1)?.at ?? startedAt) - startedAt) / 1_000).toFixed(1)} s`],
    ['faults', counts(of(history, 'fault').map(({ fault }) => fault))],
    ['processes', `${of(history, 'started').length} started`],
    ['changes of leader', `${changesOfLeader(history)}`],
    ['deliveries', `${of(history, 'delivered').length} to ${of(history, 'subscribed').length} subscriptions`],
    ['calls', `${settled.length} settled: ${counts(settled.map(({ outcome }) => outcome))}`],
    ['streams', `${ended.length} ended after ${rowsOf(history)} rows: ${counts(ended.map(({ outcome }) => outcome))}`],
    ['carried out', `${journal.length}, ${journal.length - new Set(journal.map(({ call }) => call)).size} of them again`],
    ['slowest call', `${Math.round(Math.max(0, ...settled.map(({ ranMs }) => ranMs)))} ms of running time`],
    ['longest recovery', `${Math.max(0, ...recoveries)} ms, of ${recoveries.length}`],
    ['two upstream clients', `${overlaps.length} times, ${Math.round(Math.max(0, ...overlaps))} ms of running time at most`],
    [
      'memory',
      `leaders ${rssMb(memory.filter(({ leads }) => leads > 0))}, others ${rssMb(memory.filter(({ leads }) => !leads))}`,
    ],
    ...further,
    ['driver late by', `${Math.round(latestMs)} ms at most`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(22)}${value}`).join('\n');
}

export function describeViolations({ history, violations, startedAt }: Outcome): string {
  const shown = violations.slice(0, SHOWN).map((violation) => describeViolation(history, violation, startedAt));
  const rest = violations.slice(SHOWN).map(({ promise, what }) => `VIOLATED ${promise}: ${what}`);
  return [...shown, ...rest].join('\n\n');
}

function describeViolation(history: History, violation: Violation, startedAt: number): string {
  const head = `VIOLATED ${violation.promise}: ${violation.what}`;
  return [head, ...excerpt(history, violation, startedAt).map((text) => `  ${text}`)].join('\n');
}

/** How often the upstream client of a channel moved to another process. */
function changesOfLeader(history: History): number {
  const last = new Map<string, number>();
  let changes = 0;
  for (const { channel, pid } of of(history, 'upstream-on')) {
    if (last.has(channel) && last.get(channel) !== pid) changes++;
    last.set(channel, pid);
  }
  return changes;
}

function rowsOf(history: History): number {
  return of(history, 'stream-rows').reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

function of<K extends HistoryEntry['kind']>(history: History, kind: K): EntryOf<K>[] {
  return history.filter((entry): entry is EntryOf<K> => entry.kind === kind);
}

/** `a 3, b 2` */
function counts(words: readonly string[]): string {
  const byWord = new Map<string, number>();
  for (const word of words) byWord.set(word, (byWord.get(word) ?? 0) + 1);
  const sorted = [...byWord].sort(([, a], [, b]) => b - a);
  return sorted.map(([word, count]) => `${word} ${count}`).join(', ') || 'none';
}

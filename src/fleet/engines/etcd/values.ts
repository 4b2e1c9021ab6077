// Values in etcd: written in one transaction with the guard of their batch, and heard over one watch of the whole group. Every member
// hears every value and tells those that are watched, because a watch for each key would cost etcd memory for each key and member.

import type { EngineValue, Fence, Fenced, WriteBatch } from '../../engine';
import type { EtcdEvent, Operation } from '../../../etcd/etcd-types';
import { digits, leaderOf, leads, removalsOf, removalsValue, valueBytes, valueOf } from './keys';
import type { EtcdLine } from './line';

/** Keys that are read in one request. */
const KEYS_A_READ = 32;

export async function writeValues(line: EtcdLine, fence: Fence, { epoch, guard, values }: WriteBatch): Promise<Fenced> {
  const { keys } = line;
  const removed = values.filter(({ bytes }) => bytes === undefined);
  const { succeeded, results } = await line.txn({
    if: [...leads(keys, fence), { key: keys.guard, is: '<', value: digits(guard) }],
    then: [
      { put: { key: keys.guard, value: digits(guard) } },
      ...(removed.length > 0 ? [{ put: { key: keys.removals, value: removalsValue(epoch, removed) } }] : []),
      ...values.map(({ key, sequence, bytes }): Operation =>
        bytes
          ? { put: { key: keys.value(key), value: valueBytes(epoch, sequence, bytes) } }
          : { delete: { key: keys.value(key) } },
      ),
    ],
    else: [{ range: { key: keys.guard } }, { range: { key: keys.leader } }],
  });
  if (succeeded) return { deposed: false };
  const [stored, leader] = results.map((result) => ('range' in result ? result.range.entries[0] : undefined));
  const isLeading = leader !== undefined && leaderOf(leader).fence === fence;
  // The same batch was written before, and its answer was lost.
  return { deposed: !isLeading || stored?.value.toString() !== digits(guard) };
}

export class WatchedValues {
  readonly #keys = new Set<string>();

  async watch(line: EtcdLine, keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#keys.add(key);
    for (let at = 0; at < keys.length; at += KEYS_A_READ) {
      const some = keys.slice(at, at + KEYS_A_READ);
      const { ranges } = await line.read(...some.map((key) => ({ key: line.keys.value(key) })));
      const stored = ranges.map(({ entries }, index) => entries[0] && valueOf(some[index]!, entries[0].value));
      this.#tell(line, stored);
    }
  }

  unwatch(keys: readonly string[]): void {
    for (const key of keys) this.#keys.delete(key);
  }

  clear(): void {
    this.#keys.clear();
  }

  hear(line: EtcdLine, events: readonly EtcdEvent[]): void {
    const { values, removals } = line.keys;
    const told: (EngineValue | undefined)[] = [];
    for (const { type, entry } of events) {
      if (type === 'delete') continue; // the key of removals tells with which sequence
      const name = entry.key.toString();
      if (name === removals) told.push(...removalsOf(entry.value));
      else if (name.startsWith(values)) {
        const key = name.slice(values.length);
        if (this.#keys.has(key)) told.push(valueOf(key, entry.value));
      }
    }
    this.#tell(line, told);
  }

  #tell(line: EtcdLine, stored: readonly (EngineValue | undefined)[]): void {
    const watched = stored.filter((value) => value !== undefined && this.#keys.has(value.key)) as EngineValue[];
    if (watched.length > 0) line.tell((listener) => listener.onValues(watched));
  }
}

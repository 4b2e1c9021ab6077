// A whole range at a single revision, in portions that follow the size of the values: few large values, or many small values.

import { reasonOf } from './etcd-failure';
import type { EtcdEntry, KeyRange, RangeRequest, RangeResult, Revised } from './etcd-types';
import { bytesOf, endOfPrefix } from './wire';

/** The size that a portion should have, bytes of keys and values. */
const PORTION_BYTES = 4 * 2 ** 20;
/** Before the size of the values is known: even with the largest values a portion is an answer that can be read. */
const FIRST_PORTION = 64;
const LARGEST_PORTION = 10_000;

/** @param range reads a portion */
export async function readAll(
  range: (request: RangeRequest) => Promise<RangeResult>,
  keys: KeyRange,
): Promise<Revised & { readonly entries: readonly EtcdEntry[] }> {
  for (;;) {
    try {
      return await readAtOneRevision(range, keys);
    } catch (error) {
      // The revision of the first portion was compacted in the meantime: begin again with the present revision.
      if (reasonOf(error) !== 'compacted') throw error;
    }
  }
}

async function readAtOneRevision(
  range: (request: RangeRequest) => Promise<RangeResult>,
  keys: KeyRange,
): Promise<Revised & { readonly entries: readonly EtcdEntry[] }> {
  let portion = await range({ ...keys, limit: FIRST_PORTION });
  const { revision } = portion;
  const entries = [...portion.entries];
  let bytes = sizeOf(portion.entries);
  while (portion.hasMore) {
    const limit = Math.min(LARGEST_PORTION, Math.max(1, Math.floor((PORTION_BYTES * entries.length) / Math.max(1, bytes))));
    const from = Buffer.concat([entries.at(-1)!.key, Buffer.of(0)]);
    portion = await range({ from, to: endOf(keys), limit, atRevision: revision });
    for (const entry of portion.entries) entries.push(entry);
    bytes += sizeOf(portion.entries);
  }
  return { revision, entries };
}

function sizeOf(entries: readonly EtcdEntry[]): number {
  return entries.reduce((total, { key, value }) => total + key.length + value.length, 0);
}

function endOf(keys: KeyRange): Uint8Array {
  if ('key' in keys) return Buffer.concat([bytesOf(keys.key), Buffer.of(0)]);
  return 'prefix' in keys ? endOfPrefix(bytesOf(keys.prefix)) : bytesOf(keys.to);
}

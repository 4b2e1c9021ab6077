import fc from 'fast-check';
import type { EtcdEntry } from '../../src/etcd/etcd-types';
import {
  digits,
  fenceOf,
  GroupKeys,
  leaderOf,
  leaderValue,
  leads,
  numberOf,
  removalsOf,
  removalsValue,
  valueBytes,
  valueOf,
} from '../../src/fleet/engines/etcd/keys';

const keys = new GroupKeys('/trunkline', 'shop');
const names = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '/', 'a/b', 'subscription/x', '../b', '\u0000'));
const numbers = fc.nat({ max: Number.MAX_SAFE_INTEGER });

it('what stands in a key is found again, whatever the name', () => {
  fc.assert(
    fc.property(fc.uuid(), names, numbers, (member, key, number) => {
      for (const kind of ['subscription', 'publication'] as const)
        expect(keys.servedKey(keys.wish(member, kind, key))).toEqual({ member, kind, key });
      expect(keys.servedKey(keys.call(member, number))).toEqual({ member, number });
      expect(numberOf(Buffer.from(keys.reply(member, number)))).toBe(number);
    }),
  );
});

it('numbers are in the order of their texts', () => {
  fc.assert(fc.property(numbers, numbers, (a, b) => expect(digits(a) < digits(b)).toBe(a < b)));
});

it('values keep epoch, sequence and bytes', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.uint8Array(), names, (epoch, sequence, bytes, key) => {
      expect(valueOf(key, valueBytes(epoch, sequence, bytes))).toEqual({ key, epoch, sequence, bytes: Buffer.from(bytes) });
      expect(removalsOf(Buffer.from(removalsValue(epoch, [{ key, sequence }])))).toEqual([
        { key, epoch, sequence, bytes: undefined },
      ]);
    }),
  );
  expect(valueOf('k', Buffer.from('of something else, and long'))).toBeUndefined();
});

it('a leader carries its fence, and a key of something else is refused by name', () => {
  const record = { member: 'm', host: 'h', machine: 'x', pid: 1, startedAt: 't', fingerprint: { class: 'C' } };
  const entry = (value: string): EtcdEntry => ({
    key: Buffer.from(keys.leader),
    value: Buffer.from(value),
    createRevision: 7n,
    modRevision: 7n,
    version: 1n,
  });
  expect(leaderOf(entry(leaderValue(record, 5)))).toEqual({ ...record, epoch: 5, fence: fenceOf(7n, 5) });
  expect(leads(keys, fenceOf(7n, 5))).toEqual([
    { key: keys.leader, createRevision: 7n },
    { key: keys.epoch, value: '5' },
  ]);
  for (const other of ['', '{', 'null', '{"member":1}'])
    expect(() => leaderOf(entry(other))).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_FLEET_ENGINE_REFUSED' }));
});

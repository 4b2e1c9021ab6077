// The client over gRPC against the client of the JSON gateway: both give the same answers.

import { EtcdGateway } from '../../src/etcd/etcd-gateway';
import { reasonOf } from '../../src/etcd/etcd-failure';
import type { EtcdEvent, RangeRequest, TxnRequest } from '../../src/etcd/etcd-types';
import { EtcdGrpc } from '../../src/etcd/grpc/etcd-grpc';
import { watchAnswer } from '../../src/etcd/grpc/etcd-messages';
import { ProtobufReader, ProtobufWriter } from '../../src/etcd/grpc/protobuf';
import { describeWithEtcd, Etcd } from '../support/etcd';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';

leavesNothingOpen();

describe('protocol buffers', () => {
  const NUMBERS = [1n, 127n, 128n, 300n, 2n ** 28n - 1n, 2n ** 28n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n, -1n, -(2n ** 63n)];

  it.each(NUMBERS)('carry the number %s', (number) => {
    const reader = new ProtobufReader(new ProtobufWriter().int(15, number).finish());
    expect([reader.next(), reader.int(), reader.next()]).toEqual([15, number, 0]);
  });

  it('are written as the published examples of the encoding', () => {
    expect(new ProtobufWriter().int(1, 150).finish().toString('hex')).toBe('089601');
    expect(new ProtobufWriter().bytes(2, 'testing').finish().toString('hex')).toBe('120774657374696e67');
    const nested = new ProtobufWriter().message(3, (inner) => inner.int(1, 150)).finish();
    expect(nested.toString('hex')).toBe('1a03089601');
    expect(new ProtobufWriter().int(1, 0).flag(2, false).bytes(3, '').finish()).toHaveLength(0);
  });

  it('nest messages of any length', () => {
    for (const length of [0, 1, 127, 128, 16_383, 16_384, 3_000_000]) {
      const content = Buffer.alloc(length, 7);
      const written = new ProtobufWriter().message(1, (one) => one.message(2, (two) => two.bytes(3, content)).int(4, 5)).finish();
      const outer = new ProtobufReader(written);
      outer.next();
      const one = outer.message();
      one.next();
      const two = one.message();
      if (length > 0) expect([two.next(), two.bytes().equals(content)]).toEqual([3, true]);
      expect([one.next(), one.int(), one.next(), outer.next()]).toEqual([4, 5n, 0, 0]);
    }
  });

  it('of newer servers may have more fields, and those that end early are refused', () => {
    const more = new ProtobufWriter().int(2, 5).int(99, 7).bytes(98, 'new').finish();
    const fixed = Buffer.from('9103' + '0102030405060708' + '9503' + '01020304', 'hex'); // fields of 64 and 32 bits
    expect(watchAnswer(Buffer.concat([more, fixed])).id).toBe(5);
    for (let length = 1; length < more.length; length++) {
      try {
        watchAnswer(more.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });
});

describeWithEtcd('etcd over gRPC', () => {
  let etcd: Etcd;
  let [grpc, gateway]: [EtcdGrpc, EtcdGateway] = [undefined!, undefined!];

  beforeAll(async () => {
    etcd = await Etcd.start();
    const options = { endpoints: etcd.url };
    [grpc, gateway] = [new EtcdGrpc(options), new EtcdGateway(options)];
    for (let i = 0; i < 150; i++) await gateway.put({ key: `many/${i}`, value: `value ${i}` });
    await gateway.put({ key: 'large', value: Buffer.alloc(50_000, 'ü') });
    await gateway.put({ key: Buffer.of(0, 255, 1), value: Buffer.of(255, 0) });
    await gateway.put({ key: 'empty', value: '' });
  });
  afterAll(async () => {
    await Promise.all([grpc.close(), gateway.close()]);
    await etcd.stop();
  });

  const RANGES: RangeRequest[] = [
    { key: 'large' },
    { key: 'absent' },
    { key: 'empty' },
    { key: Buffer.of(0, 255, 1) },
    { prefix: '' },
    { prefix: 'many/1', limit: 5 },
    { prefix: 'many/', keysOnly: true },
    { prefix: 'many/', countOnly: true },
    { from: 'many/2', to: 'many/4', isStaleAllowed: true },
    { prefix: 'many/', atRevision: 20n },
  ];
  it.each(RANGES)('reads %j', async (range) => {
    expect(await grpc.range(range)).toEqual(await gateway.range(range));
  });

  const TXNS: TxnRequest[] = [
    {},
    { then: [{ range: { key: 'many/1' } }, { range: { prefix: 'many/14' } }] },
    { if: [{ key: 'many/1', version: 1 }], then: [{ range: { key: 'many/1' } }] },
    { if: [{ key: 'many/1', is: '!=', value: 'value 1' }], else: [{ range: { key: 'many/2' } }] },
    { if: [{ key: 'many/1', is: '<', value: 'value 2' }], then: [{ txn: { if: [{ key: 'absent', is: '>', version: 0 }] } }] },
    { if: [{ key: 'many/1', createRevision: 2n }] },
    { if: [{ key: 'many/1', modRevision: 3n }] },
    { if: [{ key: 'many/1', lease: '0' }] },
    { then: [{ txn: { then: [{ txn: { else: [{ range: { key: 'x' } }], then: [{ range: { key: 'empty' } }] } }] } }] },
  ];
  it.each(TXNS)('answers the transaction %j', async (txn) => {
    expect(await grpc.txn(txn)).toEqual(await gateway.txn(txn));
  });

  it('writes, deletes and gives what was there', async () => {
    const [one, two] = [grpc, gateway].map((client) => async (key: string) => {
      const { lease } = await client.grantLease(60);
      const put = { key, value: 'x', lease, wantsPrevious: true };
      const results = [
        await client.txn({ then: [{ put }] }),
        await client.txn({ then: [{ put }] }),
        await client.txn({ then: [{ delete: { key, wantsPrevious: true } }] }),
        await client.txn({ then: [{ delete: { key } }] }),
        await client.keepLeaseAlive(lease),
        await client.revokeLease(lease),
        await client.revokeLease(lease),
        await client.keepLeaseAlive(lease),
      ];
      // The numbers of revisions and leases differ between two runs.
      return JSON.stringify(results, (name, held: unknown) => (typeof held === 'bigint' || name === 'lease' ? name : held));
    });
    expect(await one!('mine/1')).toBe(await two!('mine/1'));
  });

  it('tells the status and alarms', async () => {
    const [one, two] = [await grpc.status(), await gateway.status()];
    expect({ ...one, databaseBytesInUse: 0 }).toEqual({ ...two, databaseBytesInUse: 0 });
    expect(await grpc.alarms()).toEqual([]);
  });

  it('refuses with the same code and reason', async () => {
    const failing = [
      (client: EtcdGrpc | EtcdGateway) => client.range({ key: '' }),
      (client: EtcdGrpc | EtcdGateway) => client.range({ key: 'a', atRevision: 999_999n }),
      (client: EtcdGrpc | EtcdGateway) => client.txn({ then: [{ put: { key: 'a', value: 'x', lease: '12345' } }] }),
      (client: EtcdGrpc | EtcdGateway) =>
        client.txn({ then: Array.from({ length: 129 }, (_, i) => ({ range: { key: `k${i}` } })) }),
    ];
    for (const ask of failing) {
      const [one, two] = await Promise.all([grpc, gateway].map((client) => ask(client).catch((error: unknown) => error)));
      expect(one).toBeInstanceOf(Error);
      expect([one, reasonOf(one)]).toMatchObject([{ code: (two as { code: string }).code }, reasonOf(two)]);
    }
  });

  it('watches events in order, of one and of several keys, and large transactions in parts', async () => {
    const seen: EtcdEvent[] = [];
    const opened = new Promise<bigint>((resolve) => {
      grpc.watch(
        { prefix: 'watched/', wantsPrevious: true },
        { onOpen: resolve, onEvents: (events) => void seen.push(...events), onEnd: () => undefined },
      );
    });
    const revision = await opened;
    await grpc.txn({ then: [{ put: { key: 'watched/1', value: 'a' } }, { put: { key: 'watched/2', value: 'b' } }] });
    await grpc.txn({ then: [{ delete: { prefix: 'watched/' } }] });
    const large = Array.from({ length: 100 }, (_, i) => ({ put: { key: `watched/${i}`, value: Buffer.alloc(14_000, i) } }));
    await grpc.txn({ then: large });
    await eventually('all events', () => seen.length >= 104);
    expect(seen.slice(0, 4).map(({ type, entry }) => `${type} ${entry.key.toString()}`)).toEqual([
      'put watched/1',
      'put watched/2',
      'delete watched/1',
      'delete watched/2',
    ]);
    expect(seen[2]?.previous?.value.toString()).toBe('a');
    expect(seen).toHaveLength(104);

    const again: EtcdEvent[] = [];
    const watch = grpc.watch(
      { prefix: 'watched/', fromRevision: revision + 1n },
      { onEvents: (events) => void again.push(...events), onEnd: () => undefined },
    );
    await eventually('what has happened before', () => again.length >= 104);
    expect(again.map(({ entry }) => entry.modRevision)).toEqual(seen.map(({ entry }) => entry.modRevision));
    watch.close();
  });

  it('ends a watch of history that is forgotten, or has never been', async () => {
    const endOf = (fromRevision: bigint) =>
      new Promise((resolve) => grpc.watch({ prefix: '', fromRevision }, { onEvents: () => undefined, onEnd: resolve }));
    await grpc.compact(100n);
    await grpc.compact(100n);
    expect(await endOf(50n)).toEqual({ kind: 'compacted', compactRevision: 100n });
    expect(await endOf(999_999n)).toMatchObject({ kind: 'rewound' });
  });

  it('names a server that is not there, and one that does not answer in time', async () => {
    const nobody = new EtcdGrpc({ endpoints: 'http://127.0.0.1:1' });
    await expect(nobody.txn({})).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', mayHaveRun: false });
    await nobody.close();
    etcd.pause();
    await expect(grpc.txn({}, { timeoutMs: 100 })).rejects.toMatchObject({ mayHaveRun: true });
    await expect(grpc.keepLeaseAlive('123', { timeoutMs: 100 })).rejects.toThrow(/no answer within 100 ms/);
    etcd.resume();
    await expect(grpc.keepLeaseAlive('123')).resolves.toBe(0);
  });
});

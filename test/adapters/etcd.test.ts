// The adapter for etcd, by the suite of all adapters, on a real etcd.

import { connectEtcd } from '../../src/adapters/etcd';
import { EtcdGateway } from '../../src/etcd/etcd-gateway';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { describeWithEtcd, Etcd } from '../support/etcd';
import { describeAdapter } from './conformance';
import { LACKS } from './lacks';

describeWithEtcd('etcd', () => {
  describeAdapter({
    name: 'etcd',
    lacks: LACKS.etcd,
    largestBytes: 2 ** 20,
    timeToLiveMs: 10_000,
    start: async () => {
      const etcd = await Etcd.start();
      const other = new EtcdGateway({ endpoints: etcd.url });
      return {
        place: async () => {
          const proxy = await FaultProxy.start(etcd.port);
          const options = { endpoints: `http://127.0.0.1:${proxy.port}` };
          return {
            connect: (shared) => connectEtcd(options, shared),
            inProcess: { module: 'etcd', connect: 'connectEtcd', options },
            write: async (key, value) => void (await other.put({ key, value })),
            remove: async (key) => void (await other.delete({ key })),
            keys: async (prefix) => (await other.readAll({ prefix })).entries.map(({ key }) => key.toString()),
            server: { kill: () => etcd.kill(), start: () => etcd.startAgain() },
            line: { cut: () => proxy.cut(), silence: () => proxy.swallow(), heal: () => proxy.stopSwallowing() },
            expire: async () => {
              const leases = (await other.readAll({ prefix: 'services/' })).entries.flatMap(({ lease }) => lease ?? []);
              for (const lease of new Set(leases)) await other.revokeLease(lease);
            },
            close: async () => {
              await proxy.close();
              await other.delete({ prefix: '' });
            },
          };
        },
        stop: async () => {
          await other.close();
          await etcd.stop();
        },
      };
    },
  });
});

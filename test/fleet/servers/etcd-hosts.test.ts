import { describeWithEtcd, Etcd } from '../../support/etcd';
import { FaultProxy } from '../../../src/testing/fault-proxy';
import { describesHosts } from './hosts-scenarios';

describeWithEtcd('hosts of a fleet over etcd', () => {
  describe.each(['grpc', 'gateway'] as const)('by %s', (over) => {
    describesHosts(
      `etcd by ${over}`,
      async () => {
        const etcd = await Etcd.start();
        const proxy = await FaultProxy.start(etcd.port);
        return {
          engine: { module: 'etcd', make: 'etcdEngine', options: { endpoints: `http://127.0.0.1:${proxy.port}`, over } },
          restart: async ({ keeps }) => {
            await etcd.kill();
            await etcd.startAgain({ withData: keeps });
          },
          // By the gateway a host has as many as requests are under way.
          connections: () => Promise.resolve(over === 'grpc' ? proxy.connections : undefined),
          stop: async () => {
            await proxy.close();
            await etcd.stop();
          },
        };
      },
      1,
    );
  });
});

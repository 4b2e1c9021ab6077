import { describeWithEtcd, Etcd } from '../../support/etcd';
import { NetworkPath } from '../network-path';
import { describesHosts } from './hosts-scenarios';

describeWithEtcd('hosts of a fleet over etcd', () => {
  describe.each(['grpc', 'gateway'] as const)('by %s', (over) => {
    describesHosts(
      `etcd by ${over}`,
      async () => {
        const etcd = await Etcd.start();
        const path = await NetworkPath.start(etcd.port);
        return {
          engine: { module: 'etcd', make: 'etcdEngine', options: { endpoints: `http://127.0.0.1:${path.port}`, over } },
          restart: async ({ keeps }) => {
            await etcd.kill();
            await etcd.startAgain({ withData: keeps });
          },
          // By the gateway a host has as many as requests are under way.
          connections: () => Promise.resolve(over === 'grpc' ? path.connections : undefined),
          stop: async () => {
            await path.close();
            await etcd.stop();
          },
        };
      },
      1,
    );
  });
});

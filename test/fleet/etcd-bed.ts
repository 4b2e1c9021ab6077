// A real etcd behind a network path for each link, for tests of the engine.

import { etcdEngine, type EtcdEngineOptions } from '../../src/fleet/engines/etcd/etcd-engine';
import { Etcd } from '../support/etcd';
import type { EngineBed, EngineLink } from './engine-bed';
import { NetworkPath } from './network-path';

export interface EtcdBed extends EngineBed {
  readonly etcd: Etcd;
  /** @param given options of the engine in place of the defaults */
  link(given?: Partial<EtcdEngineOptions>): Promise<EngineLink>;
}

export async function etcdBed(over: 'grpc' | 'gateway'): Promise<EtcdBed> {
  const etcd = await Etcd.start();
  const paths: NetworkPath[] = [];
  return {
    etcd,
    waitsAfterLoss: true,
    link: async (given) => {
      const path = await NetworkPath.start(etcd.port);
      paths.push(path);
      const engine = etcdEngine({ endpoints: `http://127.0.0.1:${path.port}`, over, ...given });
      return { engine, cut: () => path.cut(), restore: () => path.restore() };
    },
    restart: async ({ isEmpty }) => {
      await etcd.kill();
      await etcd.startAgain({ withData: !isEmpty });
    },
    close: async () => {
      await Promise.all(paths.map((path) => path.close()));
      await etcd.stop();
    },
  };
}

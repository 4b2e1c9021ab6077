// A real etcd behind a proxy for each link, for tests of the engine.

import { etcdEngine, type EtcdEngineOptions } from '../../src/fleet/engines/etcd/etcd-engine';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { Etcd } from '../support/etcd';
import { linkThrough, type EngineBed, type EngineLink } from './engine-bed';

export interface EtcdBed extends EngineBed {
  readonly etcd: Etcd;
  /** @param given options of the engine in place of the defaults */
  link(given?: Partial<EtcdEngineOptions>): Promise<EngineLink>;
}

export async function etcdBed(over: 'grpc' | 'gateway'): Promise<EtcdBed> {
  const etcd = await Etcd.start();
  const proxies: FaultProxy[] = [];
  return {
    etcd,
    waitsAfterLoss: true,
    link: async (given) => {
      const proxy = await FaultProxy.start(etcd.port);
      proxies.push(proxy);
      const engine = etcdEngine({ endpoints: `http://127.0.0.1:${proxy.port}`, over, ...given });
      return linkThrough(proxy, engine);
    },
    restart: async ({ isEmpty }) => {
      await etcd.kill();
      await etcd.startAgain({ withData: !isEmpty });
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await etcd.stop();
    },
  };
}

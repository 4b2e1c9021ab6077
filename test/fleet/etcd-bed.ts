// A real etcd behind a network path for each link, for tests of the engine.

import { once } from 'node:events';
import net from 'node:net';
import { etcdEngine, type EtcdEngineOptions } from '../../src/fleet/engines/etcd/etcd-engine';
import { Etcd } from '../support/etcd';
import type { EngineBed, EngineLink } from './engine-bed';

export interface EtcdBed extends EngineBed {
  readonly etcd: Etcd;
  /** @param given options of the engine in place of the usual ones */
  link(given?: Partial<EtcdEngineOptions>): Promise<EngineLink>;
}

export async function etcdBed(over: 'grpc' | 'gateway'): Promise<EtcdBed> {
  const etcd = await Etcd.start();
  const paths: CuttablePath[] = [];
  return {
    etcd,
    waitsAfterLoss: true,
    link: async (given) => {
      const path = await CuttablePath.to(etcd.port);
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

/** Leads connections on to a port, unless the path is cut: then connections end at once. */
class CuttablePath {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #isCut = false;

  private constructor(server: net.Server, targetPort: number) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on('connection', (near) => {
      if (this.#isCut) {
        near.destroy();
        return;
      }
      const far = net.connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async to(targetPort: number): Promise<CuttablePath> {
    const server = net.createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttablePath(server, targetPort);
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

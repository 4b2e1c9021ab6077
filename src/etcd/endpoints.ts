// Which server of an etcd is asked: the server that answered last, until that fails; then the next, in turn.

import type { EtcdServer } from './etcd-server';

export class Endpoints {
  readonly #servers: readonly EtcdServer[];
  #current = 0;

  /** @param servers not empty */
  constructor(servers: readonly EtcdServer[]) {
    this.#servers = servers;
  }

  get count(): number {
    return this.#servers.length;
  }

  get current(): EtcdServer {
    return this.#servers[this.#current]!;
  }

  /** All addresses, for messages about no server in particular. */
  get addresses(): string {
    return this.#servers.map(({ address }) => address).join(', ');
  }

  /** A server has failed. Does nothing if another caller has moved on from this server already. */
  moveOn(from: EtcdServer): void {
    if (this.current === from) this.#current = (this.#current + 1) % this.#servers.length;
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }
}

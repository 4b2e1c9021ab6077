// Listening sockets that belong to this process alone (`reusePort`, `exclusive`). Connections in the queue of such a socket are
// reset when the socket is closed, and node:cluster keeps no such socket open. The next process in the same slot is therefore
// given the same sockets, and listens there instead of making new sockets.

import { subscribe } from 'node:diagnostics_channel';
import { Server } from 'node:net';

/** What a server of Node.js listens with; as given by a server and by IPC, and taken by `listen`. */
export interface ListeningHandle {
  close(): unknown;
}

type Listen = (this: Server, ...args: unknown[]) => Server;

export class OwnListeners {
  /** Servers of this process, by what the program has asked for. */
  readonly #asked = new Map<Server, string>();
  /** Sockets of the previous process, by what the program of that process had asked for. */
  readonly #inherited = new Map<string, ListeningHandle[]>();

  /** From now on servers with exclusive listening sockets are known. */
  observe(): void {
    subscribe('tracing:net.server.listen:asyncStart', (message) => {
      const { server, options } = message as { server: Server; options: unknown };
      const key = keyOf(options);
      if (key !== undefined) this.#asked.set(server, key);
    });
  }

  has(server: Server): boolean {
    return this.#asked.has(server);
  }

  /** The open sockets, with the name by which `inherit` of the next process finds each socket. */
  open(): { readonly key: string; readonly handle: ListeningHandle }[] {
    return [...this.#asked].flatMap(([server, key]) => {
      const { _handle: handle } = server as { readonly _handle?: ListeningHandle | null };
      return handle ? [{ key, handle }] : [];
    });
  }

  /** Keeps this socket for the program that asks for the same key. Called before the program is loaded. */
  inherit(key: string, handle: ListeningHandle): void {
    if (this.#inherited.size === 0) this.#takePart();
    const handles = this.#inherited.get(key) ?? [];
    this.#inherited.set(key, [...handles, handle]);
  }

  /** Closes inherited sockets that no program has asked for: nobody accepts there, so nothing may arrive. */
  closeUnclaimed(): void {
    for (const handles of this.#inherited.values()) for (const handle of handles.splice(0)) handle.close();
  }

  #takePart(): void {
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const listen = Server.prototype.listen as Listen;
    const claim = (server: Server, args: readonly unknown[]): unknown[] | undefined => this.#claim(server, args);
    Server.prototype.listen = function (this: Server, ...args: unknown[]) {
      return Reflect.apply(listen, this, claim(this, args) ?? args);
    };
  }

  /** @returns the arguments of `listen` with the inherited socket; undefined where there is none */
  #claim(server: Server, [options, ...rest]: readonly unknown[]): unknown[] | undefined {
    const key = keyOf(options);
    const handle = key === undefined ? undefined : this.#inherited.get(key)?.shift();
    if (key === undefined || !handle) return undefined;
    this.#asked.set(server, key);
    const { backlog } = options as { readonly backlog?: number };
    return [handle, ...(backlog === undefined ? [] : [backlog]), ...rest];
  }
}

/** What `listen` was asked for; undefined where node:cluster shares the socket, or any other socket would do as well. */
function keyOf(options: unknown): string | undefined {
  if (typeof options !== 'object' || options === null) return undefined;
  const { port, host, ipv6Only, exclusive, reusePort, signal } = options as Record<string, unknown>;
  const isOwn = (exclusive === true || reusePort === true) && Number(port) > 0;
  if (!isOwn || signal !== undefined) return undefined; // a signal cannot be given together with a socket
  return JSON.stringify([Number(port), host ?? '', ipv6Only === true, reusePort === true]);
}

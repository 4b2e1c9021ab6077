// What "this process" is for a shared client: how its sockets and its time reach the rest of the host. An application has one scope,
// the whole process. The testing kit makes more of them, so that several members of a group can live in one process and each of
// them can be killed or frozen alone. What the clients of one process share (bound ports, turns to lead) is kept by scope.

import net from 'node:net';
import type { Endpoint } from './endpoint';
import { backgroundClock, type Clock } from './time';

export interface ProcessScope {
  readonly clock: Clock;
  /** Begins to connect to a port of this host. */
  connect(endpoint: Endpoint): net.Socket;
  /** The server is going to listen for other processes. */
  onServer(server: net.Server): void;
}

/** The whole process, as the operating system sees the process. */
export const WHOLE_PROCESS: ProcessScope = {
  // The client holds the process: see client/holding.ts.
  clock: backgroundClock,
  connect: ({ host, port }) => net.connect({ host, port, noDelay: true }),
  onServer: () => undefined,
};

let find: () => ProcessScope | undefined = () => undefined;

/** The scope of a client that is created now. */
export function presentScope(): ProcessScope {
  return find() ?? WHOLE_PROCESS;
}

/** For the testing kit: how the scope of a new client is found. @param finder gives undefined for the whole process */
export function setScopeFinder(finder: () => ProcessScope | undefined): void {
  find = finder;
}

/** Something that the clients of one scope share, made when it is first asked for. */
export class PerScope<T extends object> {
  readonly #make: () => T;
  readonly #made = new WeakMap<ProcessScope, T>();

  constructor(make: () => T) {
    this.#make = make;
  }

  /** @param scope undefined: the whole process */
  of(scope: ProcessScope = WHOLE_PROCESS): T {
    let made = this.#made.get(scope);
    if (made === undefined) {
      made = this.#make();
      this.#made.set(scope, made);
    }
    return made;
  }
}

// The network between the members of a group: every connection of a member is led through a pair of real sockets with faults
// (faulty-pair.ts). When a member is killed, the sockets of the member are closed as the operating system does for a killed process.

import net from 'node:net';
import type { Endpoint } from '../endpoint';
import type { ProcessScope } from '../process-scope';
import type { Clock } from '../time';
import { Faults, FaultyPair } from './faulty-pair';
import { StoppableClock } from './stoppable-clock';

/** A connection between two members, or a dial that the network keeps from arriving. */
interface Link {
  readonly from: MemberScope;
  readonly to: MemberScope | undefined;
  readonly port: number;
  readonly pair: FaultyPair;
}

/** What a member of a group takes for the process. */
export class MemberScope implements ProcessScope {
  readonly clock: StoppableClock;
  readonly #network: GroupNetwork;
  readonly #servers = new Set<net.Server>();
  /** What was accepted by the servers. */
  readonly #accepted = new Set<net.Socket>();
  isFrozen = false;
  isDead = false;
  /** Members of different sides of a partition do not reach each other. */
  side = 0;

  constructor(network: GroupNetwork, clock: Clock) {
    this.#network = network;
    this.clock = new StoppableClock(clock);
  }

  connect({ host, port }: Endpoint): net.Socket {
    const socket = new net.Socket();
    this.#network.dial(this, socket, host, port);
    return socket;
  }

  onServer(server: net.Server): void {
    this.#servers.add(server);
    server.on('listening', () => this.#network.listens(this, (server.address() as net.AddressInfo).port));
    server.on('connection', (socket) => {
      this.#accepted.add(socket);
      socket.once('close', () => this.#accepted.delete(socket));
    });
    server.once('close', () => this.#servers.delete(server));
  }

  /** Frees the ports and ends the connections of the member, without a word to the others. */
  die(): void {
    this.isDead = true;
    for (const server of this.#servers) server.close();
    for (const socket of this.#accepted) socket.destroy();
    this.#network.cut(this);
  }

  freeze(): void {
    this.isFrozen = true;
    this.clock.stop();
    this.#network.update();
  }

  thaw(): void {
    this.isFrozen = false;
    this.#network.update();
    this.clock.go();
  }
}

export class GroupNetwork {
  readonly #server: net.Server;
  readonly #links = new Set<Link>();
  readonly #listeners = new Map<number, MemberScope>();
  /** Ports of other processes that are out of reach. */
  #apart: ReadonlySet<number> = new Set();
  /** Dials that are lost on the way until the partition ends. */
  readonly #lost = new Set<() => void>();
  /** The near ends of dials, and what has come from such an end, by the port of the near end. */
  readonly #dialling = new Map<number, (accepted: net.Socket) => void>();
  readonly #arrived = new Map<number, net.Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
    server.unref();
    server.on('connection', (accepted) => {
      accepted.unref();
      accepted.on('error', () => undefined);
      const port = accepted.remotePort ?? 0;
      const dialling = this.#dialling.get(port);
      if (dialling) dialling(accepted);
      else this.#arrived.set(port, accepted);
    });
  }

  static async start(): Promise<GroupNetwork> {
    const server = net.createServer({ noDelay: true, pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new GroupNetwork(server);
  }

  /** Called when a member listens on a port. */
  onListening: (port: number) => void = () => undefined;

  listens(member: MemberScope, port: number): void {
    this.#listeners.set(port, member);
    this.onListening(port);
  }

  /** For a network with a single member, while the others are other processes: ports that are out of reach from now on. */
  setApart(ports: Iterable<number>): void {
    this.#apart = new Set(ports);
    this.update();
  }

  /** @param socket is connected when the other side has accepted, and destroyed when nobody listens */
  dial(from: MemberScope, socket: net.Socket, host: string, port: number): void {
    const begin = (): void => {
      this.#lost.delete(begin);
      if (socket.destroyed) return;
      const to = this.#listeners.get(port);
      if (this.#isApart(from, to, port)) {
        this.#lost.add(begin); // as packets that are dropped: the dial may arrive when the partition is over
        return;
      }
      const target = net.connect({ host, port, noDelay: true });
      target.unref();
      socket.once('close', () => {
        if (target.connecting) target.destroy();
      });
      target.once('error', (error) => socket.destroy(error));
      target.once('connect', () => {
        if (socket.destroyed || from.isDead) target.destroy();
        else this.#lead(from, this.#listeners.get(port), port, socket, target);
      });
    };
    begin();
  }

  /** Applies what is frozen and apart now. */
  update(): void {
    for (const link of this.#links) this.#hold(link);
    for (const begin of [...this.#lost]) begin();
  }

  /** Ends all connections of a member. */
  cut(member: MemberScope): void {
    for (const [port, each] of this.#listeners) if (each === member) this.#listeners.delete(port);
    for (const { from, to, pair } of [...this.#links]) if (from === member || to === member) pair.drop('destroy');
  }

  async close(): Promise<void> {
    for (const { pair } of [...this.#links]) pair.drop('destroy');
    for (const socket of this.#arrived.values()) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Connects the dialling socket with this network, and so with the target. */
  #lead(from: MemberScope, to: MemberScope | undefined, toPort: number, socket: net.Socket, target: net.Socket): void {
    const { port } = this.#server.address() as net.AddressInfo;
    const lead = (accepted: net.Socket): void => {
      const pair = new FaultyPair(accepted, target, new Faults(), () => this.#links.delete(link));
      const link: Link = { from, to, port: toPort, pair };
      this.#links.add(link);
      this.#hold(link);
      accepted.resume();
    };
    socket.once('connect', () => {
      const own = socket.localPort ?? 0;
      const accepted = this.#arrived.get(own);
      this.#arrived.delete(own);
      if (accepted) lead(accepted);
      else
        this.#dialling.set(own, (late) => {
          this.#dialling.delete(own);
          lead(late);
        });
    });
    socket.once('close', () => {
      if (!target.readableFlowing) target.destroy(); // closed before the two were led together
    });
    socket.connect({ host: '127.0.0.1', port, noDelay: true });
  }

  #isApart(from: MemberScope, to: MemberScope | undefined, port: number): boolean {
    return this.#apart.has(port) || (to !== undefined && to.side !== from.side);
  }

  #hold({ from, to, port, pair }: Link): void {
    if (from.isFrozen || to?.isFrozen || this.#isApart(from, to, port)) pair.hold();
    else pair.release();
  }
}

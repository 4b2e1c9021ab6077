// Several members of a channel in this process, as on a host: ports, connections and time are separate for each member, and the
// members meet over real sockets. A single member leads and the others follow, by the code that runs in production.

import cluster from '../index';
import { TrunklineError } from '../errors';
import { freePort } from '../free-port';
import type { Logger } from '../logger';
import { backgroundClock } from '../time';
import { GroupNetwork, MemberScope } from './group-network';
import { notClosed } from './leak-check';
import type { ManualClock } from './manual-clock';
import { memberCount } from './member-count';
import { inScope } from './scopes';
import { turns } from './turns';
import { waitFor } from './wait-for';

/** How long the kit waits for a member to lead or to be ready, ms. */
const PATIENCE_MS = 60_000;

/** What the kit needs of a client. Every shared client and every API client has these members. */
export interface GroupClient {
  ready(): Promise<unknown>;
  readonly isClusterClientLeader: boolean;
}

export interface SharedGroupOptions<C extends cluster.UpstreamClass, M extends GroupClient> {
  /** How many members there are at the start. Default 3. */
  readonly members?: number | undefined;
  /** What the constructor of the class gets, where the kit creates the clients. */
  readonly args?: ConstructorParameters<C> | undefined;
  /** Options of every client, besides the options that the kit sets: `port`, `secret`, `singleMode`, and `logger` unless given. */
  readonly options?: cluster.ClientOptions | undefined;
  /** Creates the client of a member, for code that wraps `cluster()`. Default: `cluster(Class, options).create(...args)`. */
  readonly create?: ((Class: C, options: cluster.ClientOptions, index: number) => M) | undefined;
  /** The time of all members. Default: real time. */
  readonly clock?: ManualClock | undefined;
}

/** A member of a group. */
export class GroupMember<M extends GroupClient> {
  /** `member 1`, `member 2`, … in the order of the start. */
  readonly name: string;
  readonly client: M;
  readonly #scope: MemberScope;

  /** @internal */
  constructor(name: string, client: M, scope: MemberScope) {
    this.name = name;
    this.client = client;
    this.#scope = scope;
  }

  /** Whether the member holds the upstream client. */
  get isLeader(): boolean {
    return this.isAlive && this.client.isClusterClientLeader;
  }

  /** False when the test has killed the member. */
  get isAlive(): boolean {
    return !this.#scope.isDead;
  }

  /** Whether the test has stopped the member. */
  get isFrozen(): boolean {
    return this.#scope.isFrozen;
  }
}

export class SharedGroup<M extends GroupClient> {
  /** The port where the members meet. */
  readonly port: number;
  /** What the members have logged, oldest first: `member 1 warn: …`. */
  readonly log: string[] = [];
  readonly #network: GroupNetwork;
  readonly #create: (logger: Logger, index: number) => M;
  readonly #clock: ManualClock | undefined;
  readonly #scopes = new Map<GroupMember<M>, MemberScope>();
  readonly #dying = new Set<Promise<void>>();
  readonly #forget = notClosed('a shared group');
  #started = 0;

  /** @internal */
  constructor(port: number, network: GroupNetwork, clock: ManualClock | undefined, create: (logger: Logger, index: number) => M) {
    this.port = port;
    this.#network = network;
    this.#clock = clock;
    this.#create = create;
  }

  /** The living members, in the order of the start. */
  get members(): readonly GroupMember<M>[] {
    return [...this.#scopes.keys()].filter(({ isAlive }) => isAlive);
  }

  /**
   * The member that leads; waits while there is none.
   * @throws TrunklineError ERR_TRUNKLINE_WAIT_TIMEOUT
   */
  leader(): Promise<GroupMember<M>> {
    return waitFor(
      () => {
        const [leader, another] = this.members.filter(({ isLeader }) => isLeader);
        return another ? undefined : leader;
      },
      { what: 'exactly one member leads', timeoutMs: PATIENCE_MS },
    );
  }

  /** The living members that do not lead; waits while there is no leader. */
  async followers(): Promise<readonly GroupMember<M>[]> {
    const leader = await this.leader();
    return this.members.filter((member) => member !== leader);
  }

  /** Resolves when every living member that runs is ready. @throws what `ready()` of a client is rejected with */
  async ready(): Promise<void> {
    await turns(); // a connection that has ended already is known to have ended
    await Promise.all(this.members.filter(({ isFrozen }) => !isFrozen).map(({ client }) => client.ready()));
  }

  /** Starts another member. */
  async add(): Promise<GroupMember<M>> {
    const index = this.#started++;
    const name = `member ${index + 1}`;
    const scope = new MemberScope(this.#network, this.#clock ?? backgroundClock);
    const client = inScope(scope, () => this.#create(this.#loggerOf(name), index));
    const member = new GroupMember(name, client, scope);
    this.#scopes.set(member, scope);
    return Promise.resolve(member);
  }

  /** Kills the member that leads, as `kill -9` does; waits while none leads. @returns the killed member */
  async killLeader(): Promise<GroupMember<M>> {
    const leader = await this.leader();
    this.kill(leader);
    return leader;
  }

  /**
   * Ends a member as `kill -9` ends a process: the port is free and the connections are closed at once, and nobody is told. The
   * upstream client of the member is closed, because this process goes on.
   */
  kill(member: GroupMember<M>): void {
    const scope = this.#scopeOf(member);
    if (scope.isDead) return;
    if (scope.isFrozen) scope.clock.go();
    scope.die();
    const dying = cluster.close(member.client).finally(() => this.#dying.delete(dying));
    this.#dying.add(dying);
  }

  /**
   * Stops a member, as SIGSTOP stops a process: the port stays taken and connections stay open, nothing is read or sent, and timers
   * stand. Code of the test that uses the client of the member still runs.
   */
  freeze(member: GroupMember<M>): void {
    this.#living(member).freeze();
  }

  /** Lets a stopped member go on; what came meanwhile arrives. */
  thaw(member: GroupMember<M>): void {
    const scope = this.#living(member);
    if (scope.isFrozen) scope.thaw();
  }

  /**
   * From now on members of different sides do not reach each other: nothing arrives, and no connection ends. Members that are not named
   * are another side. Without arguments: the leader is alone.
   */
  async partition(...sides: readonly (readonly GroupMember<M>[])[]): Promise<void> {
    const given = sides.length > 0 ? sides : [[await this.leader()]];
    for (const scope of this.#scopes.values()) scope.side = 0;
    given.forEach((side, index) => side.forEach((member) => (this.#scopeOf(member).side = index + 1)));
    this.#network.update();
  }

  /** Ends a partition: what was on the way arrives, where both sides have kept the connection. */
  heal(): void {
    for (const scope of this.#scopes.values()) scope.side = 0;
    this.#network.update();
  }

  /** Closes every member, and frees the port. Idempotent. */
  async close(): Promise<void> {
    this.heal();
    for (const scope of this.#scopes.values()) if (scope.isFrozen && !scope.isDead) scope.thaw();
    // On a clock that stands, a client could wait for ever.
    const closed = Promise.all([...this.members.map(({ client }) => cluster.close(client)), ...this.#dying]);
    let isClosed = false;
    void closed.then(
      () => (isClosed = true),
      () => (isClosed = true),
    );
    while (this.#clock && !isClosed) await this.#clock.advanceAsync(100);
    await closed;
    await this.#network.close();
    this.#forget();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #scopeOf(member: GroupMember<M>): MemberScope {
    const scope = this.#scopes.get(member);
    if (scope) return scope;
    throw new TrunklineError('ERR_TRUNKLINE_GROUP_FAILED', `${member.name} is no member of this group; use one of group.members`);
  }

  #living(member: GroupMember<M>): MemberScope {
    const scope = this.#scopeOf(member);
    if (!scope.isDead) return scope;
    throw new TrunklineError('ERR_TRUNKLINE_GROUP_FAILED', `${member.name} was killed; use one of group.members`);
  }

  #loggerOf(name: string): Logger {
    const keep =
      (level: string) =>
      (message: string): void =>
        void this.log.push(`${name} ${level}: ${message}`);
    return { info: keep('info'), warn: keep('warn'), error: keep('error') };
  }
}

/**
 * Starts members of a channel in this process, which meet over real sockets at a free port.
 * @param Class the upstream class, or the class of a mock
 * @returns a group in which every member is ready. Close it at the end of the test
 * @throws what `ready()` of a client is rejected with
 */
export async function sharedGroup<
  C extends cluster.UpstreamClass,
  M extends GroupClient = cluster.SharedClientOf<C> & GroupClient,
>(Class: C, given: SharedGroupOptions<C, M> = {}): Promise<SharedGroup<M>> {
  const { clock, options, args } = given;
  const members = memberCount(given.members);
  const create = given.create ?? ((Given: C, own: cluster.ClientOptions) => createClient<C, M>(Given, own, args));
  const port = await freePort();
  const secret = `test-group-${port}-${Math.random()}`;
  const group = new SharedGroup<M>(port, await GroupNetwork.start(), clock, (logger, index) =>
    create(Class, { logger, ...options, port, secret, singleMode: false }, index),
  );
  try {
    for (let i = 0; i < members; i++) await group.add();
    const ready = group.ready();
    await (clock ? driven(clock, ready) : ready);
    return group;
  } catch (error) {
    await group.close();
    throw error;
  }
}

function createClient<C extends cluster.UpstreamClass, M>(
  Class: C,
  options: cluster.ClientOptions,
  args: ConstructorParameters<C> | undefined,
): M {
  return cluster(Class, options).create(...((args ?? []) as ConstructorParameters<C>)) as unknown as M;
}

/** Lets the time of a clock pass, a little at a time, until something has happened. */
async function driven(clock: ManualClock, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = (): void => void (isDone = true);
  work.then(done, done);
  while (!isDone) await clock.advanceAsync(5);
  await work;
}

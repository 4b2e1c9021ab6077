// Several members of a channel in separate processes, which run a module of the user. The test calls the functions of the
// module, hears what the module tells, and sends signals.

import { pathToFileURL } from 'node:url';
import type cluster from '../index';
import { TrunklineError } from '../errors';
import { freePort } from '../free-port';
import { memberCount } from './member-count';
import { PATIENCE_MS, ProcessMember, type MemberModule, type MemberSettings } from './process-member';
import { waitFor } from './wait-for';

export interface ProcessGroupOptions extends MemberSettings {
  /** How many members there are at the start. Default 3. */
  readonly members?: number | undefined;
  /** Options that every `create` gets, besides `port` and `secret`. Values that structured clone copies. */
  readonly options?: cluster.ClientOptions | undefined;
}

export class ProcessGroup<M extends MemberModule> {
  /** The port where the members meet. */
  readonly port: number;
  readonly #module: string;
  readonly #given: ProcessGroupOptions;
  readonly #secret: string;
  readonly #members: ProcessMember<M>[] = [];
  /** The side of each member that a partition has named; the others are side 0. Empty: there is no partition. */
  readonly #sides = new Map<ProcessMember<M>, number>();

  /** @internal */
  constructor(port: number, module: string, given: ProcessGroupOptions) {
    this.port = port;
    this.#module = module;
    this.#given = given;
    this.#secret = `test-group-${port}-${Math.random()}`;
  }

  /** The members whose processes live, in the order of the start. */
  get members(): readonly ProcessMember<M>[] {
    return this.#members.filter(({ isAlive }) => isAlive);
  }

  /** The member that leads; waits while there is none. @throws (rejects) TrunklineError ERR_TRUNKLINE_WAIT_TIMEOUT */
  leader(): Promise<ProcessMember<M>> {
    return waitFor(
      () => {
        const [leader, another] = this.members.filter(({ isLeader }) => isLeader);
        return another ? undefined : leader;
      },
      { what: 'exactly one process leads', timeoutMs: PATIENCE_MS },
    );
  }

  /** The living members that do not lead; waits while there is no leader. */
  async followers(): Promise<readonly ProcessMember<M>[]> {
    const leader = await this.leader();
    return this.members.filter((member) => member !== leader);
  }

  /**
   * Resolves when the client of every living member that runs is ready.
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_GROUP_FAILED when a client fails or a process ends
   */
  async ready(): Promise<void> {
    await Promise.all(this.members.filter(({ isFrozen }) => !isFrozen).map((member) => member.ready()));
  }

  /** Starts another process, whose client may not be ready yet. */
  add(): ProcessMember<M> {
    const index = this.#members.length;
    const options = { ...this.#given.options, port: this.port, secret: this.#secret };
    const member = new ProcessMember<M>(`member ${index + 1}`, this.#module, index, options, this.#given);
    this.#members.push(member);
    member.onPorts = () => this.#tellSides();
    return member;
  }

  /** `kill -9` of the process that leads; waits while none leads. Resolves when the process is gone. @returns the killed member */
  async killLeader(): Promise<ProcessMember<M>> {
    const leader = await this.leader();
    await leader.kill();
    return leader;
  }

  /** `kill -9` of a process. Resolves when the process is gone. */
  kill(member: ProcessMember<M>): Promise<void> {
    return member.kill();
  }

  /** SIGSTOP: the process does not run until `thaw`. */
  freeze(member: ProcessMember<M>): void {
    member.freeze();
  }

  /** SIGCONT. */
  thaw(member: ProcessMember<M>): void {
    member.thaw();
  }

  /**
   * From now on members of different sides do not reach each other: nothing arrives, and no connection ends. Members that are not named
   * are another side. Without arguments: the leader is alone.
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_GROUP_FAILED without the option `partitions`
   */
  async partition(...sides: readonly (readonly ProcessMember<M>[])[]): Promise<void> {
    if (this.#given.partitions !== true) {
      const message = 'partition() needs processGroup(module, { partitions: true }), which leads connections through the kit';
      throw new TrunklineError('ERR_TRUNKLINE_GROUP_FAILED', message);
    }
    const given = sides.length > 0 ? sides : [[await this.leader()]];
    this.#sides.clear();
    given.forEach((side, index) => side.forEach((member) => this.#sides.set(member, index + 1)));
    this.#tellSides();
  }

  /** Ends a partition: what was on the way arrives, where both sides have kept the connection. */
  heal(): void {
    if (this.#sides.size === 0) return;
    for (const member of this.#sides.keys()) this.#sides.set(member, 0);
    this.#tellSides();
    this.#sides.clear();
  }

  #tellSides(): void {
    if (this.#sides.size === 0) return;
    const sideOf = (member: ProcessMember<M>): number => this.#sides.get(member) ?? 0;
    for (const member of this.members) {
      const others = this.members.filter((other) => sideOf(other) !== sideOf(member));
      member.setApart(others.flatMap(({ ports }) => [...ports]));
    }
  }

  /** Ends every process. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.kill()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts processes that run a module, which creates a client of the same channel in each process.
 * @param module the path of the module, or the `file:` address; a CommonJS or ES module that Node.js can load
 * @typeParam M the type of the module: `typeof import('./member')`
 * @returns a group in which every client is ready. Close it at the end of the test
 * @throws (rejects) TrunklineError ERR_TRUNKLINE_GROUP_FAILED when a client fails or a process ends
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a module of which the test gives no type
export async function processGroup<M extends MemberModule = any>(
  module: string | URL,
  given: ProcessGroupOptions = {},
): Promise<ProcessGroup<M>> {
  const members = memberCount(given.members);
  const address = typeof module === 'string' && !module.startsWith('file:') ? pathToFileURL(module).href : String(module);
  const group = new ProcessGroup<M>(await freePort(), address, given);
  try {
    for (let i = 0; i < members; i++) group.add();
    await group.ready();
    return group;
  } catch (error) {
    await group.close();
    throw error;
  }
}

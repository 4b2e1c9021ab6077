// The test's view of a process of a channel (fixture member.ts), and of all processes that a test has started.

import type { MemberSetup } from '../fixtures/member';
import type { Value } from '../fixtures/registry-client';
import { Child, type ChildMessage } from './child';

/** An error of the library, in the report of a member. */
export interface ReportedError {
  readonly name?: string;
  readonly code?: string;
  readonly message: string;
  readonly side?: string;
  readonly silentMs?: number;
  readonly port?: number;
  readonly cause?: ReportedError;
}

export interface ReportedValue extends ChildMessage {
  readonly at: number;
  readonly isLeader: boolean;
  readonly value: Value;
}

export interface Readiness extends ChildMessage {
  readonly at: number;
  readonly startedAt: number;
  readonly isLeader?: boolean;
  readonly error?: ReportedError;
}

export interface CallOutcome extends ChildMessage {
  readonly at: number;
  readonly calledAt: number;
  readonly value?: unknown;
  readonly error?: ReportedError;
}

export interface MemberStatus extends ChildMessage {
  readonly isLeader: boolean;
  /** How many upstream clients the process has made. */
  readonly upstreams: number;
  readonly rss: number;
  /** Heap and buffers; without garbage when the process runs with --expose-gc. */
  readonly heldBytes: number;
  readonly resources: readonly string[];
}

export { now } from './pauses';

export class Member extends Child {
  constructor(setup: MemberSetup, fixture = 'member', env: Record<string, string | number> = {}, execArgv: string[] = []) {
    super(fixture, { ...env, MEMBER: JSON.stringify(setup) }, execArgv);
  }

  /** The first report of being ready at or after a moment. */
  async ready(sinceMs = 0): Promise<Readiness> {
    return (await this.message('ready', ({ type, at }) => type === 'ready' && (at as number) >= sinceMs)) as Readiness;
  }

  /** The first report of a reason for not being ready. */
  async notReady(): Promise<Readiness> {
    return (await this.message('not ready', ({ type }) => type === 'not-ready')) as Readiness;
  }

  get values(): ReportedValue[] {
    return this.messages.filter(({ type }) => type === 'value') as ReportedValue[];
  }

  /** The first value, past or future, that matches. */
  async value(what: string, matches: (value: Value, at: number) => boolean): Promise<ReportedValue> {
    return (await this.message(what, (message) => {
      if (message.type !== 'value') return false;
      const { value, at } = message as ReportedValue;
      return matches(value, at);
    })) as ReportedValue;
  }

  get errors(): ReportedError[] {
    return this.messages.filter(({ type }) => type === 'error').map(({ error }) => error as ReportedError);
  }

  get logLines(): string[] {
    return this.messages.filter(({ type }) => type === 'log').map(({ message }) => message as string);
  }

  async call(method: string, ...args: unknown[]): Promise<CallOutcome> {
    return (await this.ask({ type: 'call', method, args })) as CallOutcome;
  }

  async status(): Promise<MemberStatus> {
    return (await this.ask({ type: 'status' })) as MemberStatus;
  }
}

/** All processes that a test starts; stopped together. */
export class Crew {
  #members: Member[] = [];

  start(setup: MemberSetup, ...rest: [fixture?: string, env?: Record<string, string | number>, execArgv?: string[]]): Member {
    const member = new Member(setup, ...rest);
    this.#members.push(member);
    return member;
  }

  /** The living members. */
  get members(): Member[] {
    return this.#members.filter(({ isAlive }) => isAlive);
  }

  /** The leader; fails unless exactly one member leads. */
  async leader(): Promise<Member> {
    const { members } = this;
    const statuses = await Promise.all(members.map((member) => member.status()));
    const leaders = members.filter((_, index) => statuses[index]!.isLeader);
    if (leaders.length !== 1) throw new Error(`${leaders.length} of ${members.length} members lead`);
    return leaders[0]!;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.splice(0).map((member) => member.stop()));
  }
}

export function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)]!;
}

/** Measured figures belong into the output of a test run. */
export function printFigures(what: string, figures: readonly number[]): void {
  process.stdout.write(
    `${what}: median=${median(figures).toFixed(1)} ms of ${figures.map((figure) => figure.toFixed(1)).join(', ')}\n`,
  );
}

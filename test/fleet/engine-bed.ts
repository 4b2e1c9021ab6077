// What the conformance suite of engines needs of each engine, and a session that remembers everything.

import { randomUUID } from 'node:crypto';
import type {
  CallId,
  Candidate,
  Engine,
  EngineReply,
  EngineSession,
  EngineValue,
  Leader,
  LeaderRecord,
  SessionSetup,
  WishChange,
} from '../../src/fleet/engine';
import type { FaultProxy } from '../../src/testing/fault-proxy';
import { eventually } from '../support/eventually';

/** An engine with the server, which a suite starts and closes. */
export interface EngineBed {
  /** The engine over a network path of its own, as another host has it. */
  link(): Promise<EngineLink>;
  /** Whether nobody but an incumbent may lead for one TTL after a start of the server. */
  readonly waitsAfterLoss: boolean;
  /** Kills the server and starts the server again at the same place, with or without the data. */
  restart(options: { readonly isEmpty: boolean }): Promise<void>;
  close(): Promise<void>;
}

export interface EngineLink {
  readonly engine: Engine;
  /** Ends the connections, and lets none come. */
  cut(): void;
  restore(): void;
}

/** The engine behind a proxy as a link that tests cut and restore. */
export function linkThrough(proxy: FaultProxy, engine: Engine): EngineLink {
  return {
    engine,
    cut: () => {
      proxy.refusesNew = true;
      proxy.reset();
    },
    restore: () => void (proxy.refusesNew = false),
  };
}

/** Leadership in most tests, ms: long enough for a busy machine, short enough to wait for the end. */
export const TTL_MS = 1_500;
const VERB_TIMEOUT_MS = 5_000;

export class Witness {
  readonly member = randomUUID();
  readonly link: EngineLink;
  readonly session: EngineSession;
  readonly leaders: (Leader | undefined)[] = [];
  readonly values: EngineValue[] = [];
  readonly replies: EngineReply[] = [];
  ups = 0;
  downs: Error[] = [];
  /** What all members want, by member, kind and key. */
  readonly wishes = new Map<string, WishChange>();
  wholes = 0;
  readonly calls: CallId[] = [];
  readonly setup: SessionSetup;

  private constructor(link: EngineLink, group: string, given: Partial<SessionSetup>) {
    this.link = link;
    this.setup = {
      group,
      member: this.member,
      ttlMs: TTL_MS,
      memberTtlMs: 30_000,
      verbTimeoutMs: VERB_TIMEOUT_MS,
      ...given,
    };
    this.session = link.engine.open(this.setup, {
      onUp: () => void this.ups++,
      onDown: (error) => void this.downs.push(error),
      onLeader: (leader) => void this.leaders.push(leader),
      onValues: (values) => void this.values.push(...values),
      onReplies: (replies) => void this.replies.push(...replies),
      onCalls: (calls) => void this.calls.push(...calls),
      onWishes: (changes, isWhole) => {
        if (isWhole) {
          this.wishes.clear();
          this.wholes++;
        }
        for (const change of changes) {
          const id = `${change.member} ${change.kind} ${change.key}`;
          if (change.registration) this.wishes.set(id, change);
          else this.wishes.delete(id);
        }
      },
    });
  }

  /** Resolves when the session is up and knows who leads. */
  static async up(link: EngineLink, group: string, given: Partial<SessionSetup> = {}): Promise<Witness> {
    const witness = Witness.open(link, group, given);
    await eventually('the session is up', () => witness.leaders.length > 0);
    return witness;
  }

  static open(link: EngineLink, group: string, given: Partial<SessionSetup> = {}): Witness {
    return new Witness(link, group, given);
  }

  get leader(): Leader | undefined {
    return this.leaders.at(-1);
  }

  candidate(given: Partial<Candidate & LeaderRecord> = {}): Candidate {
    const { highestEpoch = 0, isIncumbent = false, ...record } = given;
    return {
      record: {
        member: this.member,
        host: 'here',
        machine: 'this one',
        pid: process.pid,
        startedAt: 'today',
        fingerprint: { class: 'Registry' },
        ...record,
      },
      highestEpoch,
      isIncumbent,
    };
  }

  /** Wins, as soon as anybody may. @returns fence and epoch */
  async win(given: Parameters<Witness['candidate']>[0] = {}): Promise<{ readonly fence: string; readonly epoch: number }> {
    return eventually('a campaign is won', async () => {
      const outcome = await this.session.campaign(this.candidate(given));
      return outcome.won ? outcome : undefined;
    });
  }

  /** The newest value of a key, as text. */
  text(key: string): string | undefined {
    return this.values.findLast((value) => value.key === key)?.bytes?.toString();
  }
}

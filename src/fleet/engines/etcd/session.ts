// A member's session with etcd: one line after the other, registered under the lease of the member, with the verbs of engine.ts spread
// over the files next to this one. Nothing is remembered of a line that has ended, except who leads and which numbers calls had.

import type { EngineHealth, EngineSession, Leader, SessionListener, SessionSetup } from '../../engine';
import type { EtcdEntry, EtcdEvent } from '../../../etcd/etcd-types';
import { reasonOf } from '../../../etcd/etcd-failure';
import { onAbort } from '../../../abort-listeners';
import { TrunklineError } from '../../../errors';
import { Backoff, backgroundClock, delay, within, type Timer } from '../../../time';
import type { Dial } from './etcd-client';
import { Compaction } from './compaction';
import { healthOf } from './health';
import { digits, leaderOf, type GroupKeys } from './keys';
import { EtcdLeadership } from './leadership';
import { EtcdLine, type WatchedRange } from './line';
import { forgotten, OwnCalls } from './own-calls';
import { ServedCalls } from './served-calls';
import { WatchedValues, writeValues } from './values';
import { endWishes, stateWishes } from './wishes';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** A member renews its lease when this part of its time has passed. */
const RENEWAL_PART = 1 / 4;

/** What a line knows once the line is up. */
interface Up {
  readonly line: EtcdLine;
  readonly broadcast: WatchedRange;
  readonly replies: WatchedRange;
  leader: Leader | undefined;
  renewal: Timer | undefined;
}

export class EtcdSession implements EngineSession {
  readonly #dial: Dial;
  readonly #keys: GroupKeys;
  readonly #setup: SessionSetup;
  readonly #listener: SessionListener;
  readonly #closing = new AbortController();
  readonly #leadership = new EtcdLeadership();
  readonly #values = new WatchedValues();
  readonly #ownCalls = new OwnCalls();
  readonly #served = new ServedCalls();
  readonly #compaction: Compaction | undefined;
  #up: Up | undefined;
  /** Why the session is down, as the listener was told. */
  #why: TrunklineError | undefined;
  #closed: Promise<void> | undefined;

  constructor(dial: Dial, keys: GroupKeys, setup: SessionSetup, listener: SessionListener, compacts: boolean) {
    this.#dial = dial;
    this.#keys = keys;
    this.#setup = setup;
    this.#listener = listener;
    this.#compaction = compacts ? new Compaction() : undefined;
    void this.#run();
  }

  health = (): Promise<EngineHealth> => this.#do((line) => healthOf(line, this.#compaction !== undefined));

  campaign: EngineSession['campaign'] = (candidate) =>
    this.#do(async (line) => {
      const outcome = await this.#leadership.campaign(line, candidate);
      if (outcome.won) this.#compaction?.start(line);
      return outcome;
    });
  renew: EngineSession['renew'] = (fence) =>
    this.#do(async (line) => {
      const isLeading = await this.#leadership.renew(line, fence);
      if (isLeading) this.#compaction?.start(line);
      else this.#compaction?.stop();
      return isLeading;
    });
  resign: EngineSession['resign'] = (fence) => this.#do((line) => this.#leadership.resign(line, fence));
  release: EngineSession['release'] = (leader) => this.#do((line) => this.#leadership.release(line, leader));

  write: EngineSession['write'] = (fence, batch) => this.#do((line) => writeValues(line, fence, batch));
  take: EngineSession['take'] = (fence, calls) => this.#do((line) => this.#served.take(line, fence, calls));
  reply: EngineSession['reply'] = (fence, replies) => this.#do((line) => this.#served.reply(line, fence, replies));

  serve = (): Promise<void> => this.#do((line) => this.#served.serve(line));
  stopServing(): void {
    this.#served.stop();
  }

  watch: EngineSession['watch'] = (keys) => this.#do((line) => this.#values.watch(line, keys));
  unwatch(keys: readonly string[]): void {
    this.#values.unwatch(keys);
  }

  want: EngineSession['want'] = (wishes, isWhole) => this.#do((line) => stateWishes(line, wishes, isWhole));
  unwant: EngineSession['unwant'] = (wishes) => this.#do((line) => endWishes(line, wishes));

  call: EngineSession['call'] = (calls) => this.#do((line) => this.#ownCalls.call(line, calls));
  withdraw: EngineSession['withdraw'] = (numbers) => this.#do((line) => this.#ownCalls.withdraw(line, numbers));
  lostSince: EngineSession['lostSince'] = (fence, numbers) => this.#do((line) => this.#ownCalls.lostSince(line, fence, numbers));

  /**
   * A request for progress on the stream of the watches: a third of the cost of a read, and a server without a majority ends the stream.
   * etcd 3.4.23 may answer before events that wait in the same stream, therefore a member with calls under way, whose answers
   * must be told before, reads as well.
   */
  barrier = (): Promise<void> =>
    this.#do(async (line, up) => {
      if (this.#ownCalls.areOpen) await this.#toldAll(line, up);
      else await line.client.watchProgress();
    });

  /** Reads what etcd holds for this member, as the majority knows, and waits until the watches have told as much. */
  async #toldAll(line: EtcdLine, up: Up): Promise<void> {
    const { keys, setup } = line;
    const { revision, ranges } = await line.read(
      { key: keys.guard, keysOnly: true },
      { key: keys.leader, keysOnly: true },
      { prefix: keys.replies(setup.member), keysOnly: true },
    );
    const [guard, leader, replies] = ranges.map(({ entries }) => newestOf(entries));
    const isLed = leader! > 0n;
    const written = guard! > leader! ? guard! : leader!;
    await line.until(() => {
      const { broadcast } = up;
      const knowsLeader = isLed || up.leader === undefined || broadcast.seen > revision;
      return knowsLeader && broadcast.seen >= written && up.replies.seen >= replies!;
    });
    this.#ownCalls.toldAll();
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    const up = this.#up;
    this.#up = undefined;
    this.#compaction?.stop();
    this.#served.stop();
    this.#ownCalls.clear();
    if (up) {
      backgroundClock.clearTimeout(up.renewal);
      const { line } = up;
      const goodbye = this.#leadership.end(line).finally(() => line.client.revokeLease(line.memberLease));
      // What is not ended here ends with its lease.
      await within(backgroundClock, this.#setup.verbTimeoutMs, goodbye).catch(() => false);
    }
    this.#closing.abort();
    up?.line.end(this.#noEngine(new Error('the session was closed')));
  }

  /** One line after the other. */
  async #run(): Promise<void> {
    const retry = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
      const reason = await this.#attempt(attempt, retry);
      if (this.#closed) return;
      this.#down(reason);
      await delay(backgroundClock, retry.nextMs(), this.#closing.signal);
    }
  }

  /** @returns why the line has ended */
  async #attempt(attempt: number, retry: Backoff): Promise<Error> {
    let line: EtcdLine;
    try {
      line = new EtcdLine(this.#dial(attempt), this.#keys, this.#setup, this.#listener);
    } catch (error) {
      return error as Error; // the package for gRPC is missing
    }
    const limitMs = this.#setup.verbTimeoutMs;
    const limit = backgroundClock.setTimeout(() => line.end(noAnswer(limitMs)), limitMs);
    const stopWaiting = onAbort(this.#closing.signal, () => line.end(new Error('the session was closed')));
    try {
      await this.#enter(line);
      backgroundClock.clearTimeout(limit);
      retry.reset();
    } catch (error) {
      line.end(error as Error);
    }
    const reason = await line.ended;
    backgroundClock.clearTimeout(limit);
    stopWaiting();
    return reason;
  }

  /** Reads, registers, watches; then the session is up. */
  async #enter(line: EtcdLine): Promise<void> {
    const { keys, setup } = line;
    const { revision, ranges } = await line.read(
      { key: keys.leader },
      { key: keys.number(setup.member) },
      { prefix: keys.replies(setup.member) },
    );
    const [leaders, numbers, replies] = ranges.map(({ entries }) => entries);
    const leader = leaders![0] && leaderOf(leaders![0]);
    const [broadcast, ownReplies] = await Promise.all([
      line.watch({ prefix: keys.broadcast }, revision, (events) => this.#hear(up, events)),
      line.watch({ prefix: keys.replies(setup.member) }, revision, (events) => this.#ownCalls.hear(line, events)),
      this.#register(line, numbers![0]),
    ]);
    if (this.#closed || line.reason) return;
    const up: Up = { line, broadcast, replies: ownReplies, leader, renewal: undefined };
    this.#up = up;
    this.#why = undefined;
    this.#values.clear();
    this.#served.stop();
    this.#ownCalls.clear();
    this.#renewLater(up);
    this.#listener.onUp();
    this.#listener.onLeader(leader);
    this.#ownCalls.tell(line, replies!);
    line.up();
  }

  /** The member's number stands under the member's lease: with the lease go wishes, calls and answers. */
  async #register(line: EtcdLine, stored: EtcdEntry | undefined): Promise<void> {
    const { keys, setup, client } = line;
    const key = keys.number(setup.member);
    if (stored?.lease !== undefined && (await client.keepLeaseAlive(stored.lease)) > 0) {
      line.memberLease = stored.lease;
      return;
    }
    const { lease } = await client.grantLease(Math.ceil(setup.memberTtlMs / 1_000));
    // Numbers that were used already stay used: a call of before that comes late is refused.
    await line.txn({ then: [{ put: { key, value: digits(this.#ownCalls.lastNumber), lease } }] });
    line.memberLease = lease;
  }

  #renewLater(up: Up): void {
    up.renewal = backgroundClock.setTimeout(() => void this.#renewMember(up), this.#setup.memberTtlMs * RENEWAL_PART);
  }

  async #renewMember(up: Up): Promise<void> {
    const { line } = up;
    try {
      const ttlSeconds = await line.client.keepLeaseAlive(line.memberLease);
      if (ttlSeconds === 0) throw forgotten(line.client.addresses);
      if (this.#up === up) this.#renewLater(up);
    } catch (error) {
      line.end(error as Error);
    }
  }

  #hear(up: Up, events: readonly EtcdEvent[]): void {
    const { line } = up;
    for (const { type, entry } of events) {
      if (entry.key.toString() !== line.keys.leader) continue;
      const leader = type === 'put' ? leaderOf(entry) : undefined;
      if (leader?.fence === up.leader?.fence) continue;
      up.leader = leader;
      line.tell((listener) => listener.onLeader(leader));
    }
    this.#values.hear(line, events);
  }

  #down(reason: Error): void {
    const wasUp = this.#up !== undefined;
    backgroundClock.clearTimeout(this.#up?.renewal);
    this.#up = undefined;
    this.#values.clear();
    this.#served.stop();
    this.#ownCalls.clear();
    this.#compaction?.stop();
    const why = this.#noEngine(reason);
    const isNews = wasUp || this.#why?.code !== why.code;
    this.#why = why;
    if (isNews) this.#listener.onDown(why);
  }

  async #do<Result>(verb: (line: EtcdLine, up: Up) => Promise<Result>): Promise<Result> {
    const up = this.#up;
    if (!up) throw this.#why ?? this.#noEngine(new Error(this.#closed ? 'the session was closed' : 'not connected yet'));
    const { line } = up;
    const limitMs = this.#setup.verbTimeoutMs;
    const limit = backgroundClock.setTimeout(() => line.end(noAnswer(limitMs)), limitMs);
    try {
      return await verb(line, up);
    } catch (error) {
      // A server that does not answer, or that has forgotten this member: the session begins anew.
      if (isEndOfLine(error)) line.end(error as Error);
      throw this.#noEngine(line.reason ?? (error as Error));
    } finally {
      backgroundClock.clearTimeout(limit);
    }
  }

  /** A failure of etcd as a failure of the engine of a fleet. */
  #noEngine(cause: Error): TrunklineError {
    const code = cause instanceof TrunklineError ? cause.code : undefined;
    if (code?.startsWith('ERR_TRUNKLINE_FLEET_') || code === 'ERR_TRUNKLINE_STORE_FULL') return cause as TrunklineError;
    const { group } = this.#setup;
    const facts = { engine: 'etcd', group, cause };
    const sentence = `fleet ${group}: ${cause.message}`;
    if (
      code === 'ERR_TRUNKLINE_STORE_DENIED' ||
      code === 'ERR_TRUNKLINE_STORE_UNTRUSTED' ||
      code === 'ERR_TRUNKLINE_PACKAGE_MISSING'
    )
      return new TrunklineError('ERR_TRUNKLINE_FLEET_ENGINE_REFUSED', sentence, facts);
    if (code === 'ERR_TRUNKLINE_VALUE_TOO_LARGE') return new TrunklineError('ERR_TRUNKLINE_FLEET_TOO_LARGE', sentence, facts);
    return new TrunklineError('ERR_TRUNKLINE_FLEET_NO_ENGINE', sentence, facts);
  }
}

function isEndOfLine(error: unknown): boolean {
  return (
    error instanceof TrunklineError && (error.code === 'ERR_TRUNKLINE_STORE_UNREACHABLE' || reasonOf(error) === 'lease-not-found')
  );
}

function noAnswer(limitMs: number): Error {
  return new Error(`etcd has not answered within ${limitMs} ms`);
}

/** The revision of the last change among some entries; 0 if there are none. */
function newestOf(entries: readonly EtcdEntry[]): bigint {
  return entries.reduce((newest, { modRevision }) => (modRevision > newest ? modRevision : newest), 0n);
}

// One host in a fleet: joins the session of the engine with leadership, wishes, values and calls of this host, and holds the upstream
// client while this host leads. The class that the core sees (fleet.ts) hands everything on to here.

import { randomUUID } from 'node:crypto';
import { messageOf } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import { isLocalKey } from '../format-key';
import { fingerprint } from '../identity';
import { backgroundClock, within, type Timer } from '../time';
import { Caller } from './caller';
import type { EngineSession, EngineValue, Leader, LeaderRecord, WishKind } from './engine';
import { EngineReport } from './engine-report';
import { Leadership } from './leadership';
import { checkFencing } from './fencing';
import { FleetMessages, type FleetCall, type Outcome } from './messages';
import type { ResolvedFleetOptions } from './options';
import { ownProcess } from './process-identity';
import { HEALTH_KEY, Reign, valueKey } from './reign';
import { Standing, type FleetStatus } from './standing';
import { StatedWishes } from './stated-wishes';
import type { FleetSourceClass } from './winner';

export interface HostFleetSetup {
  readonly upstreamClass: FleetSourceClass;
  readonly args: readonly unknown[];
  readonly methods: readonly string[];
  readonly options: ResolvedFleetOptions;
  emit(event: string | symbol, ...args: unknown[]): void;
}

interface Subscription {
  readonly registration: unknown;
  readonly listener: (value: unknown) => void;
  epoch: number;
  sequence: number;
}

/** How long a leader that leaves waits for its calls and writes, ms: less than the core waits for a `close`. */
const LEAVE_MS = 3_000;

export class HostFleet {
  readonly #setup: HostFleetSetup;
  readonly #clock = backgroundClock;
  readonly #messages: FleetMessages;
  readonly #session: EngineSession;
  readonly #record: LeaderRecord;
  readonly #leadership: Leadership;
  readonly #standing: Standing;
  readonly #wishes: StatedWishes;
  readonly #reign: Reign;
  readonly #caller: Caller;
  readonly #report: EngineReport;
  readonly #subscriptions = new Map<string, Subscription>();
  #leader: Leader | undefined;
  #isUp = false;
  #isReady = false;
  #barrier: Timer | undefined;
  #whenReady: { resolve(): void; reject(error: Error): void } | undefined;
  #lastError: Error | undefined;
  #closing: Promise<void> | undefined;
  readonly ready: Promise<void>;

  constructor(setup: HostFleetSetup) {
    const { engine, group, host, ttlMs, memberTtlMs, callTimeoutMs, transcode, idempotent } = setup.options;
    checkFencing(setup.upstreamClass.name, setup.options.fencing, setup.args);
    this.#setup = setup;
    this.#messages = new FleetMessages(transcode);
    const member = randomUUID();
    this.#record = { member, ...ownProcess(host), fingerprint: this.#fingerprint() };
    const clock = this.#clock;
    const session = (): EngineSession => this.#session;
    this.#standing = new Standing({
      ...{ group, host, pid: process.pid, ttlMs, clock, engine: engine.name },
      onHealth: (health) => setup.emit('health', health),
    });
    this.#report = new EngineReport({
      ...{ name: engine.name, group, logger: setup.options.logger, session },
      onReport: (report) => this.#standing.engine(report),
    });
    this.#wishes = new StatedWishes({ session, clock, alwaysWatched: [HEALTH_KEY], valueKey });
    this.#caller = new Caller({
      ...{ session, messages: this.#messages, limits: engine.limits, clock, group, timeoutMs: callTimeoutMs },
      isIdempotent: (method) => idempotent.includes(method),
    });
    this.#reign = new Reign({
      ...{ upstreamClass: setup.upstreamClass, args: setup.args, methods: setup.methods, options: setup.options },
      ...{ messages: this.#messages, session, member, clock },
      hooks: {
        fence: () => this.#leadership.term?.fence,
        onValue: (...value) => this.#deliver(...value),
        onReady: () => this.#whenReady?.resolve(),
        onHealth: (error) => this.#standing.upstream(this.#staleBecause(error)),
        onDeposed: (fence) => this.#leadership.deposed(fence),
        yield: (pauseMs, why) => void this.#leadership.yield(pauseMs, why),
        emit: (event, ...given) => setup.emit(event, ...given),
      },
    });
    const verbTimeoutMs = Math.max(1_000, ttlMs / 2);
    // Everything that a session tells comes later than this constructor ends.
    this.#session = engine.open(
      { group, member, ttlMs, memberTtlMs, verbTimeoutMs },
      {
        onUp: () => this.#onUp(),
        onDown: (error) => this.#onDown(error),
        onLeader: (leader) => this.#leadership.hear(leader),
        onValues: (values) => this.#onValues(values),
        onWishes: (changes, isWhole) => this.#reign.hearWishes(changes, isWhole),
        onCalls: (calls) => this.#reign.hearCalls(calls),
        onReplies: (replies) => this.#caller.hear(replies),
      },
    );
    this.#leadership = new Leadership({
      ...{ session: this.#session, record: this.#record, group, ttlMs, clock },
      hooks: {
        onWon: (term) => {
          this.#leader = undefined;
          this.#standing.leads(undefined, term.epoch);
          this.#standing.upstream(undefined);
          try {
            this.#reign.begin(term, this.#wishes.all);
          } catch (error) {
            // A function of the user that makes the arguments, for instance.
            setup.emit('error', error);
            void this.#leadership.yield(ttlMs, `the upstream client cannot be made: ${messageOf(error)}`);
          }
          this.#caller.lookForLost(term.fence);
        },
        onRenamed: (term) => {
          this.#standing.leads(undefined, term.epoch);
          this.#reign.rename(term);
          this.#caller.lookForLost(term.fence);
        },
        onLost: (why) => {
          setup.options.logger.warn(why.message);
          void this.#reign.end();
          this.#standing.upstream(undefined);
          this.#standing.leads(this.#leader, undefined);
        },
        onLeader: (leader) => this.#onLeader(leader),
      },
    });
    this.ready = new Promise((resolve, reject) => {
      this.#whenReady = { resolve, reject };
    });
    this.ready.then(
      () => (this.#isReady = true),
      () => undefined, // the core asks for the reason
    );
    this.#clock.setTimeout(() => this.#failReady(), setup.options.maxWaitMs).unref();
  }

  get status(): FleetStatus {
    return this.#standing.status;
  }

  subscribe(registration: unknown, listener: (value: unknown) => void): void {
    const { key, bytes } = this.#keyOf(registration);
    const known = this.#subscriptions.get(key);
    const { epoch, sequence } = known ?? { epoch: 0, sequence: 0 };
    this.#subscriptions.set(key, { registration, listener, epoch, sequence });
    this.#wishes.add({ kind: 'subscription', key, registration: bytes });
    this.#reign.change('subscription', key, bytes);
  }

  unsubscribe(registration: unknown): void {
    this.#end('subscription', registration);
  }

  publish(registration: unknown): void {
    const { key, bytes } = this.#keyOf(registration);
    this.#wishes.add({ kind: 'publication', key, registration: bytes });
    this.#reign.change('publication', key, bytes);
  }

  unpublish(registration: unknown): void {
    this.#end('publication', registration);
  }

  /** @throws TrunklineError, what the method throws, and what the transcode says of arguments that cannot be carried */
  async call(call: FleetCall): Promise<readonly unknown[]> {
    const outcome = await this.#run(call);
    if (!outcome.ok) throw outcome.error;
    return outcome.values;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { group } = this.#setup.options;
    this.#report.end();
    const work = this.#leave();
    await within(this.#clock, LEAVE_MS, work);
    this.#clock.clearTimeout(this.#barrier);
    this.#caller.end(
      new TrunklineError('ERR_TRUNKLINE_CLOSED', `fleet ${group}: the client was closed while a call was under way`, { group }),
    );
    await Promise.all([this.#leadership.resign(), this.#reign.end()]);
    this.#standing.close();
    this.#failReady(new TrunklineError('ERR_TRUNKLINE_CLOSED', `fleet ${group}: closed before it was ready`, { group }));
    await this.#session.close();
  }

  /** Claims nothing more, answers what is claimed, writes what is known, and lets another host lead. */
  async #leave(): Promise<void> {
    this.#leadership.retire();
    if (!this.#reign.term) return;
    await this.#reign.drain();
    await this.#leadership.resign();
  }

  async #run(call: FleetCall): Promise<Outcome> {
    const running = this.#reign.call(call);
    if (!running) return this.#caller.run(call);
    const { outcome, isLost } = await running;
    if (!isLost) return outcome;
    const { group, idempotent } = this.#setup.options;
    const { method } = call;
    if (idempotent.includes(method)) return this.#caller.run(call);
    const message = `fleet ${group}: ${method} has no answer, this host lost leadership meanwhile; it may or may not have run`;
    return { ok: false, error: new TrunklineError('ERR_TRUNKLINE_FLEET_WINNER_LOST', message, { group, method }) };
  }

  #onUp(): void {
    this.#isUp = true;
    this.#standing.up();
    this.#wishes.up();
    this.#leadership.up();
    const { term } = this.#reign;
    if (term) this.#reign.up();
    this.#caller.up(term?.fence ?? this.#leader?.fence);
    this.#watchEngine();
    void this.#report.ask();
  }

  #onDown(error: Error): void {
    this.#isUp = false;
    this.#lastError = error;
    this.#clock.clearTimeout(this.#barrier);
    this.#leadership.down();
    this.#wishes.down();
    this.#caller.down();
    this.#leader = undefined;
    this.#standing.down();
    if (error instanceof TrunklineError && !error.retryable) this.#failReady(error);
  }

  /** An ordered barrier, again and again: the connection of a silent engine mostly stays open. */
  #watchEngine(): void {
    this.#clock.clearTimeout(this.#barrier);
    this.#barrier = this.#clock.setTimeout(() => void this.#askEngine(), this.#setup.options.ttlMs / 3);
    this.#barrier.unref();
  }

  async #askEngine(): Promise<void> {
    try {
      await this.#session.barrier();
      this.#standing.heard();
    } catch {
      // Silence: the standing counts the time.
    }
    if (this.#isUp && !this.#closing) this.#watchEngine();
  }

  #onLeader(leader: Leader | undefined): void {
    const { group } = this.#setup.options;
    this.#leader = undefined;
    const own = this.#record.fingerprint;
    const differs = Object.keys(own).filter((place) => leader && leader.fingerprint[place] !== own[place]);
    if (leader && differs.length > 0) {
      const message = `fleet ${group}: host ${leader.host} leads this group with another ${differs.join(' and another ')}; give each class a group of its own`;
      this.#refuse(new TrunklineError('ERR_TRUNKLINE_FLEET_MISMATCH', message, { group, differs, host: leader.host }));
      return;
    }
    this.#leader = leader;
    this.#standing.leads(leader, undefined);
    this.#caller.lookForLost(leader?.fence);
    if (leader) this.#whenReady?.resolve();
  }

  #refuse(error: TrunklineError): void {
    this.#lastError = error;
    this.#setup.emit('error', error);
    // In either case the core makes the next instance, after a pause.
    if (this.#isReady) this.#setup.emit('close');
    else this.#failReady(error);
  }

  #failReady(error?: Error): void {
    const { group, maxWaitMs, engine } = this.#setup.options;
    const isWinner = this.#reign.term !== undefined;
    const what = isWinner
      ? 'the upstream client is not ready'
      : this.#isUp
        ? 'no host leads'
        : `the engine ${engine.name} does not answer`;
    const cause = isWinner ? this.#reign.setback : this.#lastError;
    const why = cause ? `: ${cause.message}` : '';
    const code = this.#isUp ? 'ERR_TRUNKLINE_FLEET_NO_WINNER' : 'ERR_TRUNKLINE_FLEET_NO_ENGINE';
    this.#whenReady?.reject(
      error ?? new TrunklineError(code, `fleet ${group}: ${what} within ${maxWaitMs} ms${why}`, { group, cause }),
    );
  }

  #onValues(values: readonly EngineValue[]): void {
    for (const { key, epoch, sequence, bytes } of values) {
      this.#leadership.see(epoch);
      if (!bytes) continue; // no host wants the key; a value that is known stays
      if (key === HEALTH_KEY) this.#onHealthOfWinner(epoch, bytes);
      else this.#deliver(key.slice(1), epoch, sequence, () => this.#messages.decodeValue(bytes));
    }
  }

  #onHealthOfWinner(epoch: number, bytes: Buffer): void {
    if (this.#reign.term || epoch < this.#leadership.highestEpoch) return;
    const { error } = this.#messages.decodeValue(bytes) as { readonly error: string | null };
    this.#standing.upstream(this.#staleBecause(error ?? undefined));
  }

  #staleBecause(error: string | undefined): TrunklineError | undefined {
    const { group } = this.#setup.options;
    if (error === undefined) return undefined;
    return new TrunklineError('ERR_TRUNKLINE_FLEET_STALE', `fleet ${group}: ${error}`, { group, why: 'upstream' });
  }

  /** Only what is newer than the last value of the key reaches the listener. */
  #deliver(key: string, epoch: number, sequence: number, valueOf: () => unknown): void {
    const { group } = this.#setup.options;
    const subscription = this.#subscriptions.get(key);
    if (!subscription) return;
    const { epoch: lastEpoch, sequence: lastSequence, listener } = subscription;
    if (epoch < lastEpoch || (epoch === lastEpoch && sequence <= lastSequence)) return;
    let value: unknown;
    try {
      value = valueOf();
    } catch (cause) {
      const message = `fleet ${group}: a value of ${key} cannot be read: ${messageOf(cause)}`;
      this.#setup.emit('error', new TrunklineError('ERR_TRUNKLINE_NOT_DECODABLE', message, { group, key, cause }));
      return;
    }
    subscription.epoch = epoch;
    subscription.sequence = sequence;
    listener(value);
  }

  #end(kind: WishKind, registration: unknown): void {
    const { key } = this.#keyOf(registration);
    if (kind === 'subscription') this.#subscriptions.delete(key);
    this.#wishes.remove(kind, key);
    this.#reign.change(kind, key, undefined);
  }

  #keyOf(registration: unknown): { readonly key: string; readonly bytes: Buffer } {
    const { formatKey, group } = this.#setup.options;
    const key = formatKey(registration);
    if (!isLocalKey(key)) return { key, bytes: this.#messages.encodeValue(registration) };
    const message = `fleet ${group}: a registration holds a function, a symbol or an instance of a class, which other hosts cannot know; use plain values`;
    throw new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { group });
  }

  #fingerprint(): Record<string, string> {
    const { upstreamClass, args, options } = this.#setup;
    return {
      class: upstreamClass.name,
      'form of values': this.#messages.codec,
      arguments: options.identity ?? fingerprint(args),
    };
  }
}

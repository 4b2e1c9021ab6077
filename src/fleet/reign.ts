// What a host does while leading a fleet: holds the upstream client, writes the values into the engine, runs the calls of all hosts,
// and asks the upstream client for what all members want together.

import { messageOf } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import type { UpstreamView } from '../host-view';
import type { Clock, Timer } from '../time';
import type { CallId, EngineCall, EngineSession, Fence, Wish, WishChange, WishKind, WriteBatch } from './engine';
import { argumentsIn } from './fencing';
import type { Term } from './leadership';
import type { FleetCall, FleetMessages, Outcome } from './messages';
import type { ResolvedFleetOptions } from './options';
import { ServedCalls } from './served-calls';
import { Union } from './union';
import { ValueLane } from './value-lane';
import { Winner, type FleetSourceClass } from './winner';

export interface ReignSetup {
  readonly upstreamClass: FleetSourceClass;
  readonly args: readonly unknown[];
  readonly methods: readonly string[];
  readonly options: ResolvedFleetOptions;
  readonly messages: FleetMessages;
  readonly session: () => EngineSession;
  readonly member: string;
  readonly clock: Clock;
  readonly hooks: ReignHooks;
}

export interface ReignHooks {
  /** The fence of the own leadership; undefined: this host leads no longer, by its own clock or in truth. */
  fence(): Fence | undefined;
  onValue(key: string, epoch: number, sequence: number, valueOf: () => unknown): void;
  /** The upstream client of this host is ready. */
  onReady(): void;
  /** @param error undefined: the upstream client is well */
  onHealth(error: string | undefined): void;
  onDeposed(fence: Fence): void;
  /** Another host may do better. */
  yield(pauseMs: number, why: string): void;
  emit(event: string | symbol, ...args: readonly unknown[]): void;
}

/** Keys in the engine: values of the user, and how the upstream client of the winner stands. */
export const valueKey = (key: string): string => `v${key}`;
export const HEALTH_KEY = 'health';
/** How long the upstream client may take to become ready before another host gets its chance: in TTLs, and at least, ms. */
const PATIENCE_TTLS = 4;
const PATIENCE_MS = 5_000;

export class Reign {
  readonly #setup: ReignSetup;
  readonly #union: Union;
  readonly #served: ServedCalls;
  readonly #lane: ValueLane;
  #winner: Winner | undefined;
  #term: Term | undefined;
  /** Grows over all terms of this process. */
  #sequence = 0;
  #patience: Timer | undefined;
  #serving: Timer | undefined;
  #setback: Error | undefined;

  constructor(setup: ReignSetup) {
    this.#setup = setup;
    const { messages, member, session, clock, hooks } = setup;
    const { engine, ttlMs } = setup.options;
    this.#union = new Union(member, {
      open: (kind, key, registration) => this.#winner?.open(kind, key, messages.decodeValue(registration)),
      shut: (kind, key) => {
        this.#winner?.shut(kind, key);
        if (kind === 'subscription') this.#write(valueKey(key), undefined);
      },
    });
    this.#served = new ServedCalls({
      ...{ session, limits: engine.limits, clock },
      fence: () => hooks.fence(),
      run: (call) => this.#run(call),
      onDeposed: (fence) => hooks.onDeposed(fence),
    });
    this.#lane = new ValueLane({
      ...{ limits: engine.limits, clock, patienceMs: ttlMs },
      write: (batch) => session().write(this.#term!.fence, batch),
      onWritten: (batch) => this.#onWritten(batch),
      onDeposed: () => this.#term && hooks.onDeposed(this.#term.fence),
      onStuck: (error) => hooks.yield(ttlMs, `values could not be written for ${ttlMs} ms: ${messageOf(error)}`),
    });
  }

  get term(): Term | undefined {
    return this.#term;
  }

  /** Why the upstream client is not ready; undefined when nothing is known. */
  get setback(): Error | undefined {
    return this.#setback;
  }

  /** This host has won. @param wishes of this host */
  begin(term: Term, wishes: Iterable<Wish>): void {
    const { upstreamClass, args, methods, options, member, hooks } = this.#setup;
    this.#term = term;
    this.#winner = new Winner({
      ...{ upstreamClass, methods, verbs: options.verbs, logger: options.logger },
      args: argumentsIn(term.epoch, options.fencing, args),
      name: `${upstreamClass.name} of fleet ${options.group}, epoch ${term.epoch}, ${member}`,
      hooks: {
        onValue: (key, value) => this.#onValue(key, value),
        onReady: (isReady, reason) => this.#onReady(isReady, reason),
        onUpstream: (upstream) => this.#onUpstream(upstream),
        onEvent: (event, given) => hooks.emit(event, ...given),
      },
    });
    this.#lane.begin(term.epoch);
    for (const { kind, key, registration } of wishes) this.#union.change(kind, key, registration);
    this.#waitForUpstream();
    this.serve();
  }

  /** Leadership goes on under another fence and epoch. */
  rename(term: Term): void {
    this.#term = term;
    this.#lane.begin(term.epoch);
    this.serve();
  }

  /** The session is up again: writes everything, and asks for wishes and calls. */
  up(): void {
    this.#lane.rewrite();
    this.serve();
  }

  serve(): void {
    const { session, clock } = this.#setup;
    const term = this.#term;
    clock.clearTimeout(this.#serving);
    session()
      .serve()
      .catch(() => {
        // Asked again when the session is up.
        if (!term || this.#term !== term) return;
        this.#serving = clock.setTimeout(() => this.serve(), 200);
        this.#serving.unref();
      });
    if (this.#winner?.isReady) this.#served.open();
  }

  /** This host wants a key, or ends a wish. @param registration undefined: ends the wish */
  change(kind: WishKind, key: string, registration: Buffer | undefined): void {
    const { messages, hooks } = this.#setup;
    if (!this.#term) return;
    this.#union.change(kind, key, registration);
    if (kind === 'publication' || !registration) return;
    // Another host may want the key already: the value is known here.
    const value = this.#lane.writtenOf(valueKey(key));
    if (value?.bytes) hooks.onValue(key, this.#term.epoch, value.sequence, () => messages.decodeValue(value.bytes!));
  }

  hearWishes(changes: readonly WishChange[], isWhole: boolean): void {
    if (this.#term) this.#union.hear(changes, isWhole);
  }

  hearCalls(calls: readonly CallId[]): void {
    if (this.#term) this.#served.offer(calls);
  }

  /** Runs a call of this host. @returns undefined when this host cannot run calls */
  call(call: FleetCall): Promise<{ readonly outcome: Outcome; readonly isLost: boolean }> | undefined {
    const winner = this.#winner;
    if (!winner?.isReady || this.#setup.hooks.fence() === undefined) return undefined;
    return winner.call(call).then((outcome) => {
      const isEnded = !outcome.ok && (outcome.error as { code?: unknown } | undefined)?.code === 'ERR_TRUNKLINE_CLOSED';
      return { outcome, isLost: isEnded && this.#winner !== winner };
    });
  }

  /** Claims no more calls, answers the claimed calls, and writes what is known. */
  async drain(): Promise<void> {
    await this.#served.drain();
    await this.#lane.idle;
  }

  /** This host leads no longer. Resolves when the upstream client is closed. */
  async end(): Promise<void> {
    const { clock, session } = this.#setup;
    const winner = this.#winner;
    this.#winner = undefined;
    this.#term = undefined;
    this.#setback = undefined;
    session().stopServing();
    this.#served.end();
    this.#lane.end();
    this.#union.clear();
    clock.clearTimeout(this.#patience);
    clock.clearTimeout(this.#serving);
    await winner?.close();
  }

  async #run({ bytes }: EngineCall): Promise<Buffer> {
    const { messages, options } = this.#setup;
    const { group } = options;
    const limitBytes = options.engine.limits.valueBytes;
    const failed = (error: unknown): Buffer => messages.encodeOutcome({ ok: false, error });
    let method: string | undefined;
    try {
      const call = messages.decodeCall(bytes);
      ({ method } = call);
      const outcome = await this.#winner!.call(call);
      const answer = messages.encodeOutcome(outcome);
      if (answer.length <= limitBytes) return answer;
      const message = `fleet ${group}: ${method} has run, and its answer has ${answer.length} bytes: the engine carries ${limitBytes}`;
      return failed(
        new TrunklineError('ERR_TRUNKLINE_FLEET_TOO_LARGE', message, { group, method, bytes: answer.length, limitBytes }),
      );
    } catch (cause) {
      const what =
        method === undefined ? 'the arguments of a call cannot be read' : `${method} has run, and its answer cannot be carried`;
      const code = method === undefined ? 'ERR_TRUNKLINE_NOT_DECODABLE' : 'ERR_TRUNKLINE_NOT_ENCODABLE';
      return failed(new TrunklineError(code, `fleet ${group}: ${what}: ${messageOf(cause)}`, { group, method, cause }));
    }
  }

  #onReady(isReady: boolean, reason: Error | undefined): void {
    const { clock, hooks } = this.#setup;
    this.#setback = reason;
    if (!isReady) {
      this.#waitForUpstream();
      return;
    }
    clock.clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#served.open();
    hooks.onReady();
  }

  #waitForUpstream(): void {
    const { options, clock, hooks } = this.#setup;
    const { ttlMs } = options;
    this.#patience ??= clock.setTimeout(
      () => {
        this.#patience = undefined;
        hooks.yield(ttlMs * (1 + Math.random()), 'its upstream client is not ready, another host may do better');
      },
      Math.max(PATIENCE_MS, PATIENCE_TTLS * ttlMs),
    );
    this.#patience.unref();
  }

  #onUpstream({ state, error: reason }: UpstreamView): void {
    const { messages, hooks } = this.#setup;
    const error = state === 'ok' ? undefined : `the upstream client of the winner is ${state}${reason ? `: ${reason}` : ''}`;
    this.#write(HEALTH_KEY, messages.encodeValue({ error: error ?? null }));
    hooks.onHealth(error);
  }

  #onValue(key: string, value: unknown): void {
    const { messages, hooks, options } = this.#setup;
    const { group, engine } = options;
    if (!this.#term || hooks.fence() === undefined) return; // too late: another host may lead
    let bytes: Buffer;
    try {
      bytes = messages.encodeValue(value);
    } catch (cause) {
      const message = `fleet ${group}: a value of ${key} cannot be carried: ${messageOf(cause)}; no host gets it`;
      hooks.emit('error', new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { group, key, cause }));
      return;
    }
    const limitBytes = engine.limits.valueBytes;
    if (bytes.length > limitBytes) {
      const message = `fleet ${group}: a value of ${key} has ${bytes.length} bytes, the engine carries ${limitBytes}; no host gets it`;
      const facts = { group, key, bytes: bytes.length, limitBytes };
      hooks.emit('error', new TrunklineError('ERR_TRUNKLINE_FLEET_TOO_LARGE', message, facts));
      return;
    }
    this.#write(valueKey(key), bytes);
  }

  /**
   * This host gets a value when the engine has the value, like all others. Otherwise the next leader of this host, which begins with what
   * the engine has, would go back to an older value when this process dies with values that could not be written.
   */
  #onWritten({ epoch, values }: WriteBatch): void {
    const { messages, hooks } = this.#setup;
    for (const { key, sequence, bytes } of values) {
      if (key === HEALTH_KEY || !bytes) continue;
      hooks.onValue(key.slice(1), epoch, sequence, () => messages.decodeValue(bytes));
    }
  }

  #write(key: string, bytes: Buffer | undefined): void {
    if (this.#term) this.#lane.put(key, ++this.#sequence, bytes);
  }
}

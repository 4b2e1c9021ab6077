// Calls of this host on their way through the engine: numbered, sent in order, and ended by an answer, by the loss of the winner, or
// by time. A call is sent once; only methods that may run twice are sent again, as new calls.

import { TrunklineError } from '../errors';
import type { Clock, Timer } from '../time';
import type { EngineReply, EngineSession, Fence } from './engine';
import type { FleetCall, FleetMessages, Outcome } from './messages';

interface Pending {
  readonly call: FleetCall;
  readonly bytes: Buffer;
  readonly dueAt: number;
  readonly timer: Timer;
  readonly settle: (outcome: Outcome) => void;
  /** `queued`: not sent. `sent`: the engine has the call, or may have the call. */
  state: 'queued' | 'sending' | 'sent';
}

export interface CallerSetup {
  readonly session: () => Pick<EngineSession, 'call' | 'withdraw' | 'lostSince' | 'barrier'>;
  readonly messages: FleetMessages;
  readonly limits: { readonly valueBytes: number; readonly batchSize: number; readonly batchBytes: number };
  readonly clock: Clock;
  readonly group: string;
  readonly timeoutMs: number;
  readonly isIdempotent: (method: string) => boolean;
}

export class Caller {
  readonly #setup: CallerSetup;
  readonly #pending = new Map<number, Pending>();
  #lastNumber = 0;
  #isUp = false;
  #isSending = false;
  #looks = 0;

  constructor(setup: CallerSetup) {
    this.#setup = setup;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_FLEET_TOO_LARGE, and what the transcode throws; both before anything is sent */
  run(call: FleetCall): Promise<Outcome> {
    const { messages, limits, clock, timeoutMs } = this.#setup;
    const bytes = messages.encodeCall(call);
    if (bytes.length > limits.valueBytes) throw this.#tooLarge(call, bytes.length);
    return new Promise((settle) => this.#add(call, bytes, clock.now() + timeoutMs, settle));
  }

  /** The session works. Calls that were sent before are asked after. */
  up(fence: Fence | undefined): void {
    this.#isUp = true;
    this.#send();
    this.lookForLost(fence);
  }

  down(): void {
    this.#isUp = false;
  }

  hear(replies: readonly EngineReply[]): void {
    for (const { number, bytes } of replies) this.#settle(number, () => this.#setup.messages.decodeOutcome(bytes));
  }

  /** Another fence leads, or nobody: ends the calls that can have no answer any more. */
  lookForLost(fence: Fence | undefined): void {
    const numbers = [...this.#pending].flatMap(([number, { state }]) => (state === 'sent' ? number : []));
    if (this.#isUp && numbers.length > 0) void this.#lookForLost(fence, numbers);
  }

  /** Every call ends with this error. */
  end(error: Error): void {
    this.#isUp = false;
    for (const number of [...this.#pending.keys()]) this.#settle(number, () => ({ ok: false, error }));
  }

  #add(call: FleetCall, bytes: Buffer, dueAt: number, settle: (outcome: Outcome) => void): void {
    const { clock } = this.#setup;
    const number = ++this.#lastNumber;
    const timer = clock.setTimeout(() => void this.#giveUp(number), Math.max(0, dueAt - clock.now()));
    this.#pending.set(number, { call, bytes, dueAt, timer, settle, state: 'queued' });
    this.#send();
  }

  #send(): void {
    if (this.#isSending || !this.#isUp) return;
    const { limits } = this.#setup;
    const batch: { readonly number: number; readonly bytes: Buffer }[] = [];
    let size = 0;
    for (const [number, pending] of this.#pending) {
      if (pending.state !== 'queued') continue;
      size += pending.bytes.length;
      if (batch.length > 0 && (batch.length >= limits.batchSize || size > limits.batchBytes)) break;
      pending.state = 'sending';
      batch.push({ number, bytes: pending.bytes });
    }
    if (batch.length > 0) void this.#sendBatch(batch);
  }

  async #sendBatch(batch: readonly { readonly number: number; readonly bytes: Buffer }[]): Promise<void> {
    this.#isSending = true;
    try {
      await this.#setup.session().call(batch);
    } catch {
      // Nobody knows whether the engine has these calls: asked after when the session is up, and soon if the session still is up.
      if (this.#isUp) this.#setup.clock.setTimeout(() => this.#lookAgain(), 100).unref();
    }
    this.#isSending = false;
    for (const { number } of batch) {
      const pending = this.#pending.get(number);
      if (pending) pending.state = 'sent';
    }
    this.#send();
  }

  #lastFence: Fence | undefined;

  #lookAgain(): void {
    this.lookForLost(this.#lastFence);
  }

  async #lookForLost(fence: Fence | undefined, numbers: readonly number[]): Promise<void> {
    this.#lastFence = fence;
    const look = ++this.#looks;
    try {
      const lost = await this.#setup.session().lostSince(fence, numbers);
      // Answers that were sent before are told first.
      if (lost.length > 0) await this.#setup.session().barrier();
      for (const number of lost) this.#lose(number);
    } catch {
      // Cut off meanwhile: asked again when the session is up.
      if (this.#isUp && look === this.#looks) this.#setup.clock.setTimeout(() => this.#lookAgain(), 100).unref();
    }
  }

  #lose(number: number): void {
    const pending = this.#pending.get(number);
    if (!pending) return;
    const { group, isIdempotent, clock } = this.#setup;
    const { call, bytes, dueAt, settle } = pending;
    if (isIdempotent(call.method) && dueAt > clock.now()) {
      clock.clearTimeout(pending.timer);
      this.#pending.delete(number);
      this.#add(call, bytes, dueAt, settle);
      return;
    }
    const { method } = call;
    const message = `fleet ${group}: ${method} has no answer, the host that led was lost; it may or may not have run`;
    this.#settle(number, () => ({
      ok: false,
      error: new TrunklineError('ERR_TRUNKLINE_FLEET_WINNER_LOST', message, { group, method }),
    }));
  }

  async #giveUp(number: number): Promise<void> {
    const pending = this.#pending.get(number);
    if (!pending) return;
    const { group, timeoutMs: limitMs } = this.#setup;
    const { method } = pending.call;
    const isFree = pending.state === 'queued' || (await this.#isWithdrawn(number));
    const facts = { group, method, limitMs };
    const error = isFree
      ? new TrunklineError(
          'ERR_TRUNKLINE_FLEET_NO_WINNER',
          `fleet ${group}: no host took the call of ${method} within ${limitMs} ms; it has not run`,
          facts,
        )
      : new TrunklineError(
          'ERR_TRUNKLINE_CALL_TIMEOUT',
          `fleet ${group}: the host that leads has not answered ${method} within ${limitMs} ms; it may or may not have run`,
          facts,
        );
    this.#settle(number, () => ({ ok: false, error }));
  }

  async #isWithdrawn(number: number): Promise<boolean> {
    try {
      return this.#isUp && (await this.#setup.session().withdraw([number])).includes(number);
    } catch {
      return false; // nobody knows
    }
  }

  #settle(number: number, outcome: () => Outcome): void {
    const pending = this.#pending.get(number);
    if (!pending) return;
    this.#pending.delete(number);
    this.#setup.clock.clearTimeout(pending.timer);
    try {
      pending.settle(outcome());
    } catch (error) {
      pending.settle({ ok: false, error });
    }
  }

  #tooLarge({ method }: FleetCall, bytes: number): TrunklineError {
    const { group, limits } = this.#setup;
    const limitBytes = limits.valueBytes;
    const message = `fleet ${group}: the arguments of ${method} have ${bytes} bytes, the engine carries ${limitBytes}; nothing was sent`;
    return new TrunklineError('ERR_TRUNKLINE_FLEET_TOO_LARGE', message, { group, method, bytes, limitBytes });
  }
}

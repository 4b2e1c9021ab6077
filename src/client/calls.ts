// The calls of a client: wait for a role, run in the role, run again in the next role when that was delegated, and stop when nobody
// waits any longer.

import type { CallStyle } from '../../protocol/message';
import { TrunklineError } from '../errors';
import { callTimeout } from '../roles/call-timeout';
import type { CallManner, ChannelSpec, Role } from '../roles/role';
import { callChannel, type CallTrace } from '../telemetry';
import { asSaid } from './as-said';
import type { CallCounter } from './call-counts';
import { limited, type CallOptions, type Waiting } from './call-limit';
import { appendOwnStack } from './own-stack';
import type { Registrations } from './registrations';

/** The part of the client that calls need. */
export interface Caller {
  /** Undefined while there is none. */
  readonly role: Role | undefined;
  readonly isOpen: boolean;
  /** Whether a call can be made; if not, the misuse becomes an `error` event. */
  isOpenFor(method: string): boolean;
  /** @throws TrunklineError ERR_TRUNKLINE_CLOSED */
  assertOpen(method: string): void;
  /** Resolves when there is a role; rejects when there is none and a reason is known. */
  awaitRole(): Promise<void>;
  emitError(error: unknown): void;
}

export class Calls {
  readonly #spec: ChannelSpec;
  readonly #registrations: Registrations;
  readonly #caller: Caller;
  readonly #counts: CallCounter;
  readonly #localLimitMs: number | undefined;

  /** @param localLimitMs how long a call in the process of the upstream client may take; undefined: as long as it takes */
  constructor(
    spec: ChannelSpec,
    registrations: Registrations,
    caller: Caller,
    counts: CallCounter,
    localLimitMs: number | undefined,
  ) {
    this.#counts = counts;
    this.#localLimitMs = localLimitMs;
    this.#spec = spec;
    this.#registrations = registrations;
    this.#caller = caller;
  }

  /** @returns in style `promise` a single value, in style `callback` the array of all results */
  make(method: string, args: readonly unknown[], style: CallStyle, options: CallOptions): Promise<unknown> {
    if (!callChannel.hasSubscribers) return this.#make(method, args, style, options, undefined);
    const trace = this.#trace(method, false);
    return callChannel.tracePromise(() => this.#make(method, args, style, options, trace), trace);
  }

  #trace(method: string, oneway: boolean): CallTrace {
    return { channel: this.#spec.name, method, oneway, role: this.#caller.role?.kind, resends: 0 };
  }

  #make(
    method: string,
    args: readonly unknown[],
    style: CallStyle,
    options: CallOptions,
    trace: CallTrace | undefined,
  ): Promise<unknown> {
    const idempotent = options.idempotent === true;
    if (options.timeoutMs === undefined && !options.signal) {
      const { role } = this.#caller;
      const isPlain = role && !role.isLeader && !idempotent && method !== this.#spec.methods.unPublish;
      if (isPlain) return this.#invokeOnce(role, method, args, style, trace);
      return this.#counted(method, () => this.#invoke(method, args, style, idempotent, trace));
    }
    return this.#counted(method, () =>
      limited(options, this.#spec.clock, this.#expired(method), (waiting) =>
        this.#invoke(method, args, style, idempotent, trace, options.timeoutMs, waiting),
      ),
    );
  }

  async #counted(method: string, run: () => Promise<unknown>): Promise<unknown> {
    this.#counts.begin();
    try {
      const result = await run();
      this.#counts.succeeded(method);
      return result;
    } catch (error) {
      this.#counts.failed(method, error);
      throw error;
    }
  }

  #expired(method: string): (limitMs: number) => Error {
    return (limitMs) => callTimeout(this.#spec.name, method, limitMs);
  }

  #callIn(role: Role, method: string, args: readonly unknown[], style: CallStyle, how: CallManner): Promise<unknown[]> {
    const { verbs, isLeader } = role;
    const timeoutMs = this.#localLimitMs;
    if (!isLeader || timeoutMs === undefined || how.limitMs !== undefined) return verbs.call(method, args, style, how);
    return limited({ timeoutMs }, this.#spec.clock, this.#expired(method), () => verbs.call(method, args, style, how));
  }

  /** A call without an answer; what fails becomes an `error` event. */
  notify(method: string, given: readonly unknown[]): void {
    if (!callChannel.hasSubscribers) {
      this.#notify(method, given, undefined);
      return;
    }
    const trace = this.#trace(method, true);
    callChannel.traceSync(() => this.#notify(method, given, trace), trace);
  }

  #notify(method: string, given: readonly unknown[], trace: CallTrace | undefined): void {
    if (!this.#caller.isOpenFor(method)) return;
    let args: readonly unknown[];
    let unpublished: string | undefined;
    try {
      args = this.#arguments(method, given, false);
      unpublished = this.#noteUnpublish(method, given);
    } catch (error) {
      if (trace) trace.error = error;
      this.#caller.emitError(error);
      return;
    }
    this.#counts.notified(method);
    const { role } = this.#caller;
    if (role) {
      role.verbs.notify(method, args, trace);
      return;
    }
    const release = this.#registrations.holdBack(unpublished);
    nextRole(this.#caller, method)
      .then((next) => next.verbs.notify(method, args, trace))
      .catch((error: unknown) => this.#caller.emitError(error))
      .finally(release);
  }

  /** Nearly every call of a follower: `#invoke` without what such a call does not need. A follower encodes the arguments at once. */
  async #invokeOnce(
    role: Role,
    method: string,
    args: readonly unknown[],
    style: CallStyle,
    trace: CallTrace | undefined,
  ): Promise<unknown> {
    this.#counts.begin();
    try {
      const results = await role.verbs.call(method, args, style, trace && { trace });
      this.#counts.succeeded(method);
      return style === 'promise' ? results[0] : results;
    } catch (error) {
      this.#counts.failed(method, error);
      appendOwnStack(error);
      throw error;
    }
  }

  /**
   * Awaits instead of chaining promises: the stack of a failed call shows the awaiting callers.
   * @param waiting the call is not made any more when the caller has stopped waiting
   */
  async #invoke(
    method: string,
    given: readonly unknown[],
    style: CallStyle,
    idempotent: boolean,
    trace: CallTrace | undefined,
    limitMs?: number,
    waiting?: Waiting,
  ): Promise<unknown> {
    const args = this.#arguments(method, given, idempotent);
    const unpublished = this.#noteUnpublish(method, given);
    let release = this.#registrations.holdBack(unpublished);
    for (;;) {
      let role: Role;
      let answer: Promise<unknown[]>;
      let onAnswered: (() => void) | undefined;
      try {
        role = this.#caller.role ?? (await nextRole(this.#caller, method));
        if (waiting?.isOver) return undefined; // nobody hears the result
        if (trace) trace.role = role.kind;
        onAnswered = this.#registrations.takeBack(unpublished, role.verbs);
        answer = this.#callIn(role, method, args, style, { limitMs, trace });
      } finally {
        release();
      }
      const begunAt = role.isLeader ? this.#spec.clock.now() : undefined; // a follower knows the time of an answer
      try {
        const results = await answer;
        return style === 'promise' ? results[0] : results;
      } catch (error) {
        // The code alone is not enough: an upstream method that uses a shared client may fail with the same code.
        const isLeaderLost = role.isOver && error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_LEADER_LOST';
        if (!idempotent || !this.#caller.isOpen || !isLeaderLost || waiting?.isOver) {
          if (!role.isLeader) appendOwnStack(error);
          throw error;
        }
        await role.ended;
        if (trace) trace.resends++;
        release = this.#registrations.holdBack(unpublished); // what is published until the next try goes after that try
      } finally {
        if (begunAt !== undefined) this.#counts.answered(this.#spec.clock.now() - begunAt);
        onAnswered?.();
      }
    }
  }

  /**
   * The arguments as given now. A follower encodes arguments at once, so only arguments that may be sent again have to be copied
   * there.
   */
  #arguments(method: string, args: readonly unknown[], isRepeatable: boolean): readonly unknown[] {
    const { role } = this.#caller;
    if (role && !role.isLeader && !isRepeatable) return args;
    return args.some((value) => typeof value === 'object') ? asSaid(this.#spec.name, `the arguments of ${method}`, args) : args;
  }

  /** A publication that the user takes back is not repeated to the next leader. @returns the key */
  #noteUnpublish(method: string, args: readonly unknown[]): string | undefined {
    if (method !== this.#spec.methods.unPublish) return undefined;
    const key = this.#spec.formatKey(args[0]);
    this.#registrations.unpublish(key);
    return key;
  }
}

/** Waits until there is a role; rejects when there is no role and a reason is known. */
export async function nextRole(caller: Caller, method: string): Promise<Role> {
  caller.assertOpen(method);
  for (;;) {
    try {
      await caller.awaitRole();
    } finally {
      caller.assertOpen(method);
    }
    const { role } = caller;
    if (role) return role; // the role may be lost again already
  }
}

// The streams that a client reads: opened in the role of the moment, counted, and ended with the client.

import type { ChannelSpec } from '../roles/role';
import { callTimeout } from '../roles/call-timeout';
import { asSaid } from './as-said';
import type { CallOptions } from './call-limit';
import { nextRole, type Caller } from './calls';
import { callChannel, Trace, type CallTrace } from '../telemetry';
import { appendOwnStack } from './own-stack';
import { SharedStream } from './shared-stream';

export class Streams {
  readonly #spec: ChannelSpec;
  readonly #caller: Caller;
  readonly #open = new Set<SharedStream>();

  constructor(spec: ChannelSpec, caller: Caller) {
    this.#spec = spec;
    this.#caller = caller;
  }

  /** How many are under way: begun by a first step, and not ended. */
  get size(): number {
    return this.#open.size;
  }

  /** The method is called when the first item is asked for, with the arguments as they are now. */
  make(method: string, given: readonly unknown[], limits: CallOptions): SharedStream {
    const { name: channel, clock } = this.#spec;
    const args = asSaid(channel, `the arguments of ${method}`, given);
    let isLocal = true;
    let message: CallTrace | undefined;
    let trace: Trace<CallTrace> | undefined;
    return new SharedStream({
      clock,
      limits,
      expired: (limitMs) => callTimeout(channel, method, limitMs),
      open: async () => {
        const role = this.#caller.role ?? (await nextRole(this.#caller, method));
        isLocal = role.isLeader;
        if (message) message.role = role.kind;
        return role.verbs.stream(method, args, message);
      },
      onError: (error) => {
        if (!isLocal) appendOwnStack(error);
      },
      onBegin: (stream) => {
        this.#open.add(stream);
        if (!callChannel.hasSubscribers) return;
        message = { channel, method, oneway: false, role: this.#caller.role?.kind, resends: 0 };
        trace = new Trace(callChannel, message);
        trace.run(() => undefined);
      },
      onOver: (stream, failure) => {
        this.#open.delete(stream);
        if (failure) trace?.failed(failure.error);
        else trace?.succeeded(undefined);
      },
    });
  }

  endAll(error: (method: string) => Error): void {
    for (const stream of this.#open) stream.end(error('a stream'));
  }
}

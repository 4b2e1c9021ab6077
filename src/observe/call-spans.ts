// Calls as spans of OpenTelemetry, by its semantic conventions for RPC: a span of the kind `client` where a call is made, and in it
// a span of the kind `server` around the method of the upstream client, whether the two are in one process or in two. The propagators
// that the program has set decide what crosses: W3C Trace Context and Baggage by default.

import type * as Api from '@opentelemetry/api';
import { isError, messageOf, safeString } from '../../protocol/error-value';
import type { CallTracer, ServedCall, ServedSpan, TraceField, TraceOrigin } from '../call-tracer';
import { callChannel, type CallTrace } from '../telemetry';

/** Why something failed; undefined: it did not fail. */
type Failure = { readonly error: unknown } | undefined;

/** A call that this process makes. */
interface CallerSpan {
  readonly span: Api.Span;
  /** Holds the span. */
  readonly context: Api.Context;
  /** How many repetitions the span tells of. */
  resends: number;
}

export class CallSpans implements CallTracer {
  readonly #api: typeof Api;
  readonly #tracer: Api.Tracer;
  readonly #callers = new WeakMap<CallTrace, CallerSpan>();
  readonly #subscriber = {
    start: (call: CallTrace): void => this.#guarded(undefined, () => this.#begin(call)),
    // Only a call without an answer has ended, or one that failed at once.
    end: (call: CallTrace): void => {
      if (call.oneway || 'error' in call) this.#guarded(undefined, () => this.#end(call));
    },
    asyncStart: (): void => undefined,
    asyncEnd: (call: CallTrace): void => this.#guarded(undefined, () => this.#end(call)),
    error: (): void => undefined,
  };

  /** @param provider undefined: the global one */
  constructor(api: typeof Api, provider: { getTracer(name: string): unknown } | undefined) {
    this.#api = api;
    this.#tracer = (provider ?? api.trace).getTracer('trunkline') as Api.Tracer;
  }

  start(): void {
    callChannel.subscribe(this.#subscriber);
  }

  stop(): void {
    callChannel.unsubscribe(this.#subscriber);
  }

  send(call: CallTrace): readonly TraceField[] {
    return this.#guarded([], () => {
      const fields: TraceField[] = [];
      const caller = this.#sent(call);
      if (caller) this.#api.propagation.inject(caller.context, fields, WRITER);
      return fields;
    });
  }

  serve(call: ServedCall, caller: TraceOrigin | undefined): ServedSpan {
    return this.#guarded(UNTRACED, () => this.#serve(call, caller));
  }

  /** A sampler, a processor or a propagator that throws costs a span, never a call: OpenTelemetry reports the error. */
  #guarded<T>(otherwise: T, work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#api.diag.error(`trunkline: a call is not traced: ${messageOf(error)}`);
      return otherwise;
    }
  }

  #serve(call: ServedCall, caller: TraceOrigin | undefined): ServedSpan {
    const { context, trace, SpanKind } = this.#api;
    const parent = this.#contextOf(caller);
    const span = this.#tracer.startSpan(nameOf(call), { kind: SpanKind.SERVER, attributes: attributesOf(call) }, parent);
    const own = trace.setSpan(parent, span);
    return {
      run: (work) => context.with(own, work),
      end: (failure) => {
        this.#guarded(undefined, () => {
          if (span.isRecording()) this.#endSpan(span, failure);
        });
      },
    };
  }

  #contextOf(caller: TraceOrigin | undefined): Api.Context {
    const { propagation, ROOT_CONTEXT } = this.#api;
    if (caller === undefined) return ROOT_CONTEXT;
    if ('method' in caller) return this.#sent(caller)?.context ?? ROOT_CONTEXT;
    return propagation.extract(ROOT_CONTEXT, caller, READER);
  }

  #begin(call: CallTrace): void {
    const { context, trace, SpanKind } = this.#api;
    const parent = context.active();
    const attributes = { ...attributesOf(call), ...(call.oneway && { 'trunkline.oneway': true }) };
    const span = this.#tracer.startSpan(nameOf(call), { kind: SpanKind.CLIENT, attributes }, parent);
    this.#callers.set(call, { span, context: trace.setSpan(parent, span), resends: 0 });
  }

  /** A call goes to its role. @returns undefined for a call that began before anybody traced */
  #sent(call: CallTrace): CallerSpan | undefined {
    const caller = this.#callers.get(call);
    if (caller && call.resends > caller.resends) {
      caller.resends = call.resends;
      caller.span.addEvent('trunkline.resend', { 'trunkline.role': call.role, 'trunkline.resends': call.resends });
    }
    return caller;
  }

  #end(call: CallTrace): void {
    const span = this.#callers.get(call)?.span;
    if (!span) return;
    if (call.role) span.setAttribute('trunkline.role', call.role);
    this.#endSpan(span, 'error' in call ? { error: call.error } : undefined);
  }

  #endSpan(span: Api.Span, failure?: Failure): void {
    if (failure) {
      const { type, message, exception } = described(failure.error);
      span.setAttribute('error.type', type);
      span.recordException(exception);
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
    }
    span.end();
  }
}

/** A call that cannot be traced. */
const UNTRACED: ServedSpan = { run: (work) => work(), end: () => undefined };

function nameOf({ channel, method }: ServedCall): string {
  return `${channel}/${method}`;
}

function attributesOf(call: ServedCall): Api.Attributes {
  return { 'rpc.system.name': 'trunkline', 'rpc.method': nameOf(call), 'trunkline.channel': call.channel };
}

/** The name of the conventions for an error that has none. */
const OTHER = '_OTHER';

/** What is thrown may be anything. */
function described(error: unknown): { type: string; message: string; exception: Api.Exception } {
  const message = messageOf(error);
  if (!isError(error)) return { type: OTHER, message, exception: message };
  const code = field(error, 'code');
  const name = safeString(field(error, 'name'));
  const type = typeof code === 'string' || typeof code === 'number' ? String(code) : name || OTHER;
  return { type, message, exception: { code: type, name, message, stack: safeString(field(error, 'stack') ?? '') } };
}

/** A getter may throw. */
function field(error: Error, name: 'code' | 'name' | 'stack'): unknown {
  try {
    return (error as NodeJS.ErrnoException)[name];
  } catch {
    return undefined;
  }
}

const WRITER: Api.TextMapSetter<TraceField[]> = {
  set: (fields, name, value) => {
    fields.push({ name, value });
  },
};

const READER: Api.TextMapGetter<readonly TraceField[]> = {
  keys: (fields) => fields.map(({ name }) => name),
  get: (fields, name) => fields.findLast((one) => one.name === name)?.value,
};

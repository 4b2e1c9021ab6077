// How the trace of a call gets from the process that calls into the process that runs the method, and around the method there. A call
// itself is told by the tracing channel `trunkline:call` (telemetry.ts). `tracing()` of trunkline/observe sets a tracer of OpenTelemetry
// here; without a tracer, a call costs a look at one property.

import type { CallTrace } from './telemetry';

/** A field of a trace context, e.g. `traceparent` with its value. */
export interface TraceField {
  readonly name: string;
  readonly value: string;
}

export interface ServedCall {
  readonly channel: string;
  readonly method: string;
}

/** Where a trace comes from: a call of this process, or another process. */
export type TraceOrigin = CallTrace | readonly TraceField[];

/** The part of a trace that is the work of a method of the upstream client. */
export interface ServedSpan {
  /** Runs what belongs to the span: everything that this begins, too. */
  run<T>(work: () => T): T;
  /** Idempotent. @param failure undefined: the method succeeded */
  end(failure?: { readonly error: unknown }): void;
}

export interface CallTracer {
  /** A call of this process is sent to its leader, perhaps again. @returns what the leader needs to go on with the trace */
  send(call: CallTrace): readonly TraceField[];
  /**
   * A method of the upstream client is called.
   * @param caller a call of this process, or what another process has sent; undefined: the caller does not trace
   */
  serve(call: ServedCall, caller: TraceOrigin | undefined): ServedSpan;
  /** Another tracer takes over: no further call begins a trace here. */
  stop(): void;
}

const TRACING = Symbol.for('trunkline#tracing');

interface Tracing {
  /** Undefined: nobody traces. */
  tracer: CallTracer | undefined;
}

/** The tracer of this process, for every copy of this library. */
export const tracing: Tracing = ((globalThis as { [TRACING]?: Tracing })[TRACING] ??= { tracer: undefined });

/** Runs a method that ends by calling one of two functions. @param run gets these functions, which end the span too */
export function served<T>(
  tracer: CallTracer,
  call: ServedCall,
  caller: TraceOrigin | undefined,
  resolve: (values: unknown[]) => void,
  reject: (error: unknown) => void,
  run: (resolve: (values: unknown[]) => void, reject: (error: unknown) => void) => T,
): T {
  const span = tracer.serve(call, caller);
  const succeed = (values: unknown[]): void => {
    span.end();
    resolve(values);
  };
  const fail = (error: unknown): void => {
    span.end({ error });
    reject(error);
  };
  return span.run(() => run(succeed, fail));
}

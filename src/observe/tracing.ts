// `tracing()`: the calls of this process become spans of OpenTelemetry. The trace of a call goes on in the process that holds the
// upstream client: call-spans.ts makes the spans, and the core asks for them through call-tracer.ts.

import { tracing as tracingOfProcess } from '../call-tracer';
import { optionalPackage } from '../optional-package';
import { CallSpans } from './call-spans';

export interface TracingOptions {
  /** Makes the tracer. Default: the global tracer provider, also if the global provider is set later. */
  readonly tracerProvider?: { getTracer(name: string): unknown } | undefined;
}

export interface Tracing {
  /** Calls that begin from now on are not traced. Idempotent. */
  close(): void;
}

/**
 * Traces the calls of all shared clients of this process, present and later ones, through `@opentelemetry/api`. Call this function in
 * each process that has a shared client, once; a second call replaces the tracer of the first one.
 * @throws TrunklineError ERR_TRUNKLINE_PACKAGE_MISSING when `@opentelemetry/api` is not installed
 */
export function tracing(options: TracingOptions = {}): Tracing {
  const api = optionalPackage(
    '@opentelemetry/api',
    'tracing()',
    () => require('@opentelemetry/api') as typeof import('@opentelemetry/api'),
  );
  tracingOfProcess.tracer?.stop();
  const tracer = new CallSpans(api, options.tracerProvider);
  tracingOfProcess.tracer = tracer;
  tracer.start();
  return {
    close: () => {
      if (tracingOfProcess.tracer !== tracer) return; // replaced, or closed before
      tracer.stop();
      tracingOfProcess.tracer = undefined;
    },
  };
}

// tracing(): a call is one trace, with the same spans in every role, and the method runs in the span of the process that serves it.

import { context, diag, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import cluster from '../../src';
import { tracing, type Tracing } from '../../src/observe';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { readyIn, ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

const exporter = new InMemorySpanExporter();
const tracer = trace.getTracer('test');
let traced: Tracing | undefined;
let open: object[] = [];
let port: number;

beforeAll(() => {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
});

beforeEach(async () => {
  exporter.reset();
  traced = tracing();
  port = await freePort();
});

afterEach(async () => {
  traced?.close();
  await Promise.all(open.map((client) => cluster.close(client)));
  open = [];
});

function spans(name: string): { caller: ReadableSpan | undefined; server: ReadableSpan | undefined } {
  const found = exporter.getFinishedSpans().filter((span) => span.name === `Traced/${name}`);
  return {
    caller: found.find(({ kind }) => kind === SpanKind.CLIENT),
    server: found.find(({ kind }) => kind === SpanKind.SERVER),
  };
}

/** The two spans of a call, when both have ended. */
async function bothSpans(name: string): Promise<{ caller: ReadableSpan; server: ReadableSpan }> {
  await eventually(`two spans of ${name}`, () => {
    const { caller, server } = spans(name);
    return caller !== undefined && server !== undefined;
  });
  return spans(name) as { caller: ReadableSpan; server: ReadableSpan };
}

function tracedClass() {
  return class extends upstreamClass() {
    /** As the instrumentation of an HTTP client does. */
    async nested(): Promise<string | undefined> {
      const span = tracer.startSpan('GET');
      await Promise.resolve();
      span.end();
      return trace.getActiveSpan()?.spanContext().spanId;
    }

    async trapped(): Promise<never> {
      await Promise.resolve();
      throw trapped();
    }

    /** Yields the span in which each item is made. */
    async *spans(count: number): AsyncGenerator<string | undefined, void, void> {
      for (let i = 0; i < count; i++) {
        await Promise.resolve();
        yield trace.getActiveSpan()?.spanContext().spanId;
      }
    }

    async *broken(): AsyncGenerator<number, void, void> {
      yield await Promise.resolve(1);
      throw Object.assign(new Error('no more'), { code: 'E_ROW' });
    }

    async baggage(): Promise<string | undefined> {
      await Promise.resolve();
      return propagation.getActiveBaggage()?.getEntry('tenant')?.value;
    }

    /** @returns whether it runs in the span of a call */
    later(callback: (error: unknown, spanId: string | undefined) => void): void {
      setImmediate(() => callback(null, trace.getActiveSpan()?.spanContext().spanId));
    }
  };
}

describe.each(ROLES)('%s', (role) => {
  const Upstream = tracedClass();

  function build(options: ClientOptions) {
    const client = cluster(Upstream, { name: 'Traced', port, logger: recordingLogger(), ...options })
      .delegate('later')
      .delegate('unPublish', 'invokeOneway')
      .create();
    client.on('error', () => undefined);
    open.push(client);
    return client;
  }

  const ready = () => readyIn(role, build);

  test('a call is a client span under the active span, and a server span in it', async () => {
    const client = await ready();
    const request = tracer.startSpan('request');
    await context.with(trace.setSpan(context.active(), request), () => client.echo(1));
    request.end();
    const { caller, server } = await bothSpans('echo');
    expect(caller.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(server.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
    expect(server.spanContext().traceId).toBe(request.spanContext().traceId);
    expect(caller.attributes).toEqual({
      'rpc.system.name': 'trunkline',
      'rpc.method': 'Traced/echo',
      'trunkline.channel': 'Traced',
      'trunkline.role': role,
    });
    expect(server.attributes).toMatchObject({ 'rpc.system.name': 'trunkline', 'rpc.method': 'Traced/echo' });
    expect([caller.status.code, server.status.code]).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  test('what the method does is in the server span', async () => {
    const client = await ready();
    const spanId = await client.nested();
    const { server } = await bothSpans('nested');
    const nested = exporter.getFinishedSpans().find(({ name }) => name === 'GET');
    expect(nested?.parentSpanContext?.spanId).toBe(server.spanContext().spanId);
    expect(spanId).toBe(server.spanContext().spanId);
  });

  test('baggage of the caller is there in the method', async () => {
    const client = await ready();
    const baggage = propagation.createBaggage({ tenant: { value: 'Zoë & co' } });
    const given = await context.with(propagation.setBaggage(context.active(), baggage), () => client.baggage());
    expect(given).toBe('Zoë & co');
  });

  test('a callback method runs in the server span, for a caller with a callback too', async () => {
    const client = await ready();
    await expect(client.later()).resolves.toBe((await bothSpans('later')).server.spanContext().spanId);
    exporter.reset();
    const given = await new Promise((resolve) => {
      (client.later as (callback: (error: unknown, value: unknown) => void) => void)((_error, value) => resolve(value));
    });
    expect(given).toBe((await bothSpans('later')).server.spanContext().spanId);
  });

  test('a one-way call is a trace too', async () => {
    const client = await ready();
    client.unPublish('a');
    const { caller, server } = await bothSpans('unPublish');
    expect(caller.attributes['trunkline.oneway']).toBe(true);
    expect(server.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
  });

  test('an error is recorded with its code in both spans', async () => {
    const client = await ready();
    await expect(client.fail()).rejects.toThrow('no such thing');
    const { caller, server } = await bothSpans('fail');
    for (const span of [caller, server]) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such thing' });
      expect(span.attributes['error.type']).toBe('42');
      expect(span.events.map(({ name, attributes }) => [name, attributes?.['exception.message']])).toEqual([
        ['exception', 'no such thing'],
      ]);
    }
  });

  test.each([
    ['undefined', undefined, 'undefined'],
    ['a text', 'no luck', 'no luck'],
  ])('a method may throw anything: %s', async (_, thrown, message) => {
    const client = await ready();
    await client.throwValue(thrown).catch(() => undefined);
    const { caller } = await bothSpans('throwValue');
    expect(caller.status.code).toBe(SpanStatusCode.ERROR);
    expect(caller.status.message).toContain(message);
  });

  test('an error with a getter that throws is recorded without what the getter hides', async () => {
    const client = await ready();
    await client.trapped().catch(() => undefined);
    const { server } = await bothSpans('trapped');
    expect(server.status).toEqual({ code: SpanStatusCode.ERROR, message: 'trapped' });
    expect(server.attributes['error.type']).toBe('Error');
  });

  test('a caller that stops waiting ends the client span with the reason', async () => {
    const client = await ready();
    const signal = AbortSignal.abort(Object.assign(new Error('enough'), { code: 'ENOUGH' }));
    await expect(client.with({ signal }).echo(1)).rejects.toThrow('enough');
    const { caller } = spans('echo');
    expect(caller?.attributes['error.type']).toBe('ENOUGH');
  });

  test('a call outside of every trace is a trace of its own', async () => {
    const client = await ready();
    await client.echo(1);
    await bothSpans('echo');
    exporter.reset();
    await client.echo(2);
    const { caller, server } = await bothSpans('echo');
    expect(caller.parentSpanContext).toBeUndefined();
    expect(server.spanContext().traceId).toBe(caller.spanContext().traceId);
  });

  test('every item of a stream is made in the server span, and both spans end with the stream', async () => {
    const client = await ready();
    const request = tracer.startSpan('request');
    const items: unknown[] = [];
    await context.with(trace.setSpan(context.active(), request), async () => {
      for await (const item of client.spans(3)) items.push(item);
    });
    const { caller, server } = await bothSpans('spans');
    expect(items).toEqual(Array.from({ length: 3 }, () => server.spanContext().spanId));
    expect(server.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
    expect(caller.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(caller.attributes['trunkline.role']).toBe(role);
    expect([caller.status.code, server.status.code]).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  test('a reader that leaves a stream ends both spans, without an error', async () => {
    const client = await ready();
    for await (const item of client.spans(1_000_000)) {
      expect(item).toBeDefined();
      break;
    }
    const { caller, server } = await bothSpans('spans');
    expect([caller.status.code, server.status.code]).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  test('a stream that fails is recorded with its code in both spans', async () => {
    const client = await ready();
    const read = async (): Promise<void> => {
      for await (const item of client.broken()) expect(item).toBe(1);
    };
    await expect(read()).rejects.toThrow('no more');
    const { caller, server } = await bothSpans('broken');
    for (const span of [caller, server]) {
      expect(span.attributes['error.type']).toBe('E_ROW');
      expect(span.events).toHaveLength(1);
    }
  });

  test('a client that is closed while a stream is read ends its span', async () => {
    const client = await ready();
    const stream = client.spans(1_000_000);
    await stream.next();
    await cluster.close(client);
    await eventually('the span of the caller', () => spans('spans').caller !== undefined);
    expect(spans('spans').caller?.attributes['error.type']).toBe('ERR_TRUNKLINE_CLOSED');
  });

  test('a tracer that throws costs spans and no call, and is reported to OpenTelemetry', async () => {
    const reported: string[] = [];
    const report = (message: string): void => void reported.push(message);
    diag.setLogger({ error: report, warn: report, info: report, debug: report, verbose: report });
    const client = await ready();
    const broken = (): never => {
      throw new Error('the sampler is broken');
    };
    traced = tracing({ tracerProvider: { getTracer: () => ({ startSpan: broken }) } });
    await expect(client.echo(1)).resolves.toBe(1);
    for await (const item of client.spans(1)) expect(item).toBeUndefined();
    diag.disable();
    expect(reported).toContain('trunkline: a call is not traced: the sampler is broken');
  });

  test('nothing is traced after close()', async () => {
    const client = await ready();
    traced?.close();
    await client.echo(1);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

function trapped(): Error {
  return Object.defineProperty(new Error('trapped'), 'code', {
    get: () => {
      throw new Error('a getter');
    },
  });
}

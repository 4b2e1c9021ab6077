// The streams that a follower reads of its leader: each is stepped as far as the reader has given credit, and as the connection has room,
// so a reader that does not read costs nothing more.

import { fromErrorValue, messageOf } from '../../../protocol/error-value';
import type { StreamCredit, StreamOpen, StreamStop } from '../../../protocol/stream-messages';
import { costOf } from '../../../protocol/v2-streams';
import type { TraceField } from '../../call-tracer';
import { TrunklineError } from '../../errors';
import type { Connection } from '../../transport/connection';
import { notDecodable } from '../not-decodable';
import type { PeerValues } from '../peer-values';
import type { ChannelSpec, StreamReader, StreamStep } from '../role';
import type { HostedSession } from './hosted-channel';

/**
 * What may wait for the follower, bytes, before its streams pause: each stream has its own credit, and the credits of many streams
 * together would fill the outbox that answers need.
 */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface HostedStreamsOptions {
  readonly spec: ChannelSpec;
  readonly session: Pick<HostedSession, 'stream'>;
  readonly connection: Connection;
  readonly values: PeerValues;
  /** Encodes an error; no bytes when that is impossible. */
  readonly errorPayload: (error: unknown) => Buffer;
  /** Puts signals among the arguments of the stream of this id. */
  readonly beginSignals: (id: number, args: unknown[]) => void;
  readonly endSignals: (id: number) => void;
}

export class HostedStreams {
  readonly #options: HostedStreamsOptions;
  readonly #streams = new Map<number, HostedStream>();

  constructor(options: HostedStreamsOptions) {
    this.#options = options;
  }

  /** How many are under way. */
  get size(): number {
    return this.#streams.size;
  }

  /** @param context where the trace of the stream comes from; undefined: the follower does not trace */
  open({ id, method, args, creditBytes }: StreamOpen, context?: readonly TraceField[]): void {
    const { spec, session, connection, values, errorPayload, beginSignals, endSignals } = this.#options;
    if (this.#streams.has(id)) return; // no follower names two streams alike
    try {
      const decoded = decodedArguments(spec.name, method, values, args);
      beginSignals(id, decoded);
      const stream = new HostedStream(this.#options, id, method, session.stream(method, decoded, context), {
        hasRoom: () => this.#hasRoom,
        onOver: () => this.#end(id),
      });
      this.#streams.set(id, stream);
      stream.credit(creditBytes);
    } catch (error) {
      endSignals(id);
      connection.send({ type: 'stream-failure', id, answersStop: false, payload: errorPayload(error) });
    }
  }

  credit({ id, bytes }: StreamCredit): void {
    this.#streams.get(id)?.credit(bytes);
  }

  stop({ id, how, payload }: StreamStop): void {
    this.#streams.get(id)?.stop({ how, payload });
  }

  /** The follower is gone. */
  abandonAll(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.abandon();
  }

  get #hasRoom(): boolean {
    const { connection, spec } = this.#options;
    if (connection.outboxBytes <= Math.min(MAX_WAITING_BYTES, spec.maxOutboxBytes / 4) || connection.isDrained) return true;
    connection.whenDrained(this.#goOn);
    return false;
  }

  readonly #goOn = (): void => {
    for (const stream of this.#streams.values()) stream.goOn();
  };

  #end(id: number): void {
    this.#streams.delete(id);
    this.#options.endSignals(id);
  }
}

interface Host {
  /** Whether the connection takes another item; if not, `goOn` is called when it does. */
  readonly hasRoom: () => boolean;
  readonly onOver: () => void;
}

type Stop = Pick<StreamStop, 'how' | 'payload'>;

class HostedStream {
  readonly #options: HostedStreamsOptions;
  readonly #id: number;
  readonly #method: string;
  readonly #reader: StreamReader;
  readonly #host: Host;
  #creditBytes = 0;
  /** What the reader has asked for and has no answer yet. */
  #stop: Stop | undefined;
  #isStepping = false;
  #isOver = false;

  constructor(options: HostedStreamsOptions, id: number, method: string, reader: StreamReader, host: Host) {
    this.#options = options;
    this.#id = id;
    this.#method = method;
    this.#reader = reader;
    this.#host = host;
  }

  credit(bytes: number): void {
    this.#creditBytes += bytes;
    this.goOn();
  }

  stop(stop: Stop): void {
    this.#stop = stop;
    this.goOn();
  }

  goOn(): void {
    if (!this.#isStepping) void this.#run();
  }

  abandon(): void {
    this.#isOver = true;
    this.#reader.abandon();
  }

  /** Never rejected. */
  async #run(): Promise<void> {
    this.#isStepping = true;
    while (!this.#isOver) {
      const stop = this.#stop;
      this.#stop = undefined;
      const answersStop = stop !== undefined;
      if (!answersStop && (this.#creditBytes <= 0 || !this.#host.hasRoom())) break;
      try {
        const step = await (stop ? this.#end(stop) : this.#reader.next());
        if (!this.#isOver) this.#send(step, answersStop);
      } catch (error) {
        if (!this.#isOver) this.#fail(error, answersStop);
      }
    }
    this.#isStepping = false;
  }

  #end({ how, payload }: Stop): Promise<StreamStep> {
    const { spec, values } = this.#options;
    let value: unknown;
    try {
      value = how === 'throw' ? fromErrorValue(values.decode(payload)) : values.decode(payload);
    } catch (cause) {
      value = notDecodable(spec.name, `what was given to ${how} of ${this.#method}`, cause, { method: this.#method });
    }
    return how === 'throw' ? this.#reader.throw(value) : this.#reader.return(value);
  }

  #send({ done, value }: StreamStep, answersStop: boolean): void {
    const { connection } = this.#options;
    const payload = this.#encoded(value, done === true ? 'the end' : 'an item');
    if (done) this.#over();
    else this.#creditBytes -= costOf(payload);
    connection.send({ type: done ? 'stream-done' : 'stream-item', id: this.#id, answersStop, payload });
  }

  /** @throws TrunklineError ERR_TRUNKLINE_NOT_ENCODABLE */
  #encoded(value: unknown, what: string): Buffer {
    const { spec, values } = this.#options;
    try {
      return values.encodeAll([value])[0]!;
    } catch (cause) {
      const message = `${spec.name}: ${what} of the stream ${this.#method} cannot be encoded: ${messageOf(cause)}`;
      throw new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { channel: spec.name, method: this.#method, cause });
    }
  }

  #fail(error: unknown, answersStop: boolean): void {
    const { connection, errorPayload } = this.#options;
    this.#over();
    this.#reader.abandon(); // the generator has not ended when an item cannot be encoded
    connection.send({ type: 'stream-failure', id: this.#id, answersStop, payload: errorPayload(error) });
  }

  #over(): void {
    this.#isOver = true;
    this.#host.onOver();
  }
}

function decodedArguments(channel: string, method: string, values: PeerValues, args: readonly Buffer[]): unknown[] {
  try {
    return values.decodeAll(args);
  } catch (cause) {
    throw notDecodable(channel, `the arguments of ${method} that the leader has got`, cause, { method });
  }
}

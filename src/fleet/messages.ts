// What travels through the engine as bytes: values, calls and outcomes. Values and arguments are written with the codec of the
// fleet; what surrounds them, and errors, in a form that keeps errors whole.

import { fromErrorValue } from '../../protocol/error-value';
import type { CallStyle } from '../../protocol/message';
import { encodeThrown } from '../../protocol/thrown';
import { structuredTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';
import { adopt } from '../errors';

export interface FleetCall {
  readonly method: string;
  readonly style: CallStyle;
  readonly args: readonly unknown[];
}

export type Outcome =
  { readonly ok: true; readonly values: readonly unknown[] } | { readonly ok: false; readonly error: unknown };

interface Envelope {
  readonly m: string;
  readonly s: CallStyle;
  readonly a: readonly Uint8Array[];
}

const OK = 1;
const FAILED = 0;

export class FleetMessages {
  readonly #values: ValueCodec;
  readonly #envelopes = new ValueCodec(structuredTranscode);

  constructor(transcode: Transcode) {
    this.#values = new ValueCodec(transcode);
  }

  /** The name of the codec, which must be the same on all hosts. */
  get codec(): string {
    return this.#values.name;
  }

  /** @throws any error of the transcode for a value that cannot be carried */
  encodeValue(value: unknown): Buffer {
    return this.#values.encode(value);
  }

  decodeValue(bytes: Buffer): unknown {
    return this.#values.decode(bytes);
  }

  /** @throws as `encodeValue` */
  encodeCall({ method, style, args }: FleetCall): Buffer {
    return this.#envelopes.encode({ m: method, s: style, a: args.map((arg) => this.#values.encode(arg)) } satisfies Envelope);
  }

  decodeCall(bytes: Buffer): FleetCall {
    const { m, s, a } = this.#envelopes.decode(bytes) as Envelope;
    return { method: m, style: s, args: a.map((arg) => this.#values.decode(bufferOf(arg))) };
  }

  /** @throws as `encodeValue`, for results only */
  encodeOutcome(outcome: Outcome): Buffer {
    if (outcome.ok)
      return Buffer.concat([Buffer.of(OK), this.#envelopes.encode(outcome.values.map((value) => this.#values.encode(value)))]);
    const codec = this.#envelopes;
    const error = encodeThrown(
      outcome.error,
      {
        codec: codec.name,
        areFaithful: true,
        encode: (value) => codec.encode(value),
        decode: (bytes) => codec.decode(bytes),
      },
      () => undefined, // a plainer form is tried next
    );
    return Buffer.concat([Buffer.of(FAILED), error]);
  }

  decodeOutcome(bytes: Buffer): Outcome {
    const rest = bytes.subarray(1);
    if (bytes[0] !== OK) return { ok: false, error: adopt(fromErrorValue(this.#envelopes.decode(rest))) };
    const values = this.#envelopes.decode(rest) as readonly Uint8Array[];
    return { ok: true, values: values.map((value) => this.#values.decode(bufferOf(value))) };
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

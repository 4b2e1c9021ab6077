// What crosses between a caller and the process of the upstream client, as bytes and back: an error names what cannot be carried, and where.

import { fromErrorValue, messageOf } from '../../protocol/error-value';
import { encodeThrown } from '../../protocol/thrown';
import { assertFits } from '../../protocol/value-codec';
import { adopt, TrunklineError } from '../errors';
import { notDecodable } from './not-decodable';
import type { PeerValues } from './peer-values';

export class SpokenValues {
  readonly #channel: string;
  readonly #values: PeerValues;
  readonly #onError: (error: unknown) => void;

  /** @param onError gets what the transcode of the user throws for an error that is sent in a plainer form then */
  constructor(channel: string, values: PeerValues, onError: (error: unknown) => void) {
    this.#channel = channel;
    this.#values = values;
    this.#onError = onError;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_NOT_ENCODABLE */
  encodeArguments(method: string, args: readonly unknown[]): Buffer[] {
    const encoded: Buffer[] = [];
    try {
      while (encoded.length < args.length) encoded.push(this.#values.encode(args[encoded.length]));
      assertFits(encoded);
      return encoded;
    } catch (cause) {
      throw this.notEncodable(method, encoded.length < args.length ? `argument ${encoded.length}` : 'the arguments', cause);
    }
  }

  /** Everything that a method gave. @throws TrunklineError ERR_TRUNKLINE_NOT_ENCODABLE */
  encodeResults(method: string, results: readonly unknown[]): Buffer[] {
    try {
      return this.#values.encodeAll(results);
    } catch (cause) {
      throw this.notEncodable(method, 'the result', cause);
    }
  }

  encodeError(error: unknown): Buffer {
    return encodeThrown(error, this.#values, this.#onError);
  }

  notEncodable(method: string, what: string, cause: unknown): TrunklineError {
    const channel = this.#channel;
    const message = `${channel}: ${what} of ${method} cannot be encoded: ${messageOf(cause)}`;
    return new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { channel, method, cause });
  }

  /** @throws TrunklineError ERR_TRUNKLINE_NOT_DECODABLE */
  decode(payload: Buffer, what: string, method: string): unknown {
    try {
      return this.#values.decode(payload);
    } catch (cause) {
      throw notDecodable(this.#channel, what, cause, { method });
    }
  }

  /** The error that the leader has sent, or an error that says that the leader's error cannot be read. */
  errorOf(payload: Buffer, what: string, method?: string): unknown {
    try {
      if (payload.length === 0) throw new TypeError('the leader could not encode the error');
      return adopt(fromErrorValue(this.#values.decode(payload)));
    } catch (cause) {
      return notDecodable(this.#channel, what, cause, method === undefined ? {} : { method });
    }
  }
}

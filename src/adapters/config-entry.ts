// A value of a store as users hold it: bytes, with the two ways to read them.

import { TrunklineError } from '../errors';
import type { StoredEntry } from './registry';

export class ConfigEntry {
  readonly key: string;
  /**
   * The version that the store gives: etcd the mod revision, ZooKeeper the data version + 1, files the time of the change in µs, others a
   * counter. Grows while the key exists.
   */
  readonly version: number;
  /** The value. All watches of this process share the bytes: copy before you change them. */
  readonly bytes: Uint8Array;
  #text: string | undefined;
  #json: { readonly value: unknown } | undefined;

  constructor({ key, version, bytes }: StoredEntry) {
    this.key = key;
    this.version = version;
    this.bytes = bytes;
  }

  /** The value as UTF-8. Bytes that are no UTF-8 become U+FFFD. */
  get text(): string {
    this.#text ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength).toString('utf8');
    return this.#text;
  }

  /**
   * The value as JSON, parsed once: every caller of this process gets the same object.
   * @typeParam T what the caller expects; not checked
   * @throws TrunklineError ERR_TRUNKLINE_VALUE_INVALID
   */
  json<T = unknown>(): T {
    if (!this.#json) {
      try {
        this.#json = { value: JSON.parse(this.text) as unknown };
      } catch (cause) {
        const sentence = `the value of ${this.key} is no JSON (${(cause as Error).message}); read it as text or bytes, or mend it in the store`;
        throw new TrunklineError('ERR_TRUNKLINE_VALUE_INVALID', sentence, { key: this.key, version: this.version, cause });
      }
    }
    return this.#json.value as T;
  }

  toJSON(): { key: string; version: number; text: string } {
    return { key: this.key, version: this.version, text: this.text };
  }
}

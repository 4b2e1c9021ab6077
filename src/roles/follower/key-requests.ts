// How a follower asks the leader for keys: in version 2 many keys at once, later named by numbers; in version 1 each key
// separately.

import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../../protocol/error-value';
import { IdSequence } from '../../../protocol/id-sequence';
import { TrunklineError } from '../../errors';
import { isLocalKey, localPart } from '../../format-key';
import { jsonForm } from '../../json-form';
import { nextTick } from '../../time';
import type { Connection } from '../../transport/connection';
import type { PeerValues } from '../peer-values';
import type { ChannelSpec } from '../role';
import type { OpenKey } from '../subscription-hub';

/** What was asked of the leader, kept with the key; undefined when the request could not be sent. */
export interface Asked {
  /** The id of the subscription; 0 in version 1. */
  readonly id: number;
  /** In version 1: the registration as JSON, and the key that the leader makes of this JSON. */
  readonly legacy?: { readonly registration: unknown; readonly key: string };
  /** The number that the leader has given the key. */
  topic: number | undefined;
}

export interface KeyRequests {
  open(key: OpenKey<Asked>): void;
  close(key: OpenKey<Asked>): void;
  /** Sends all collected requests now, before any message that must not overtake the requests. */
  flush(): void;
}

export interface KeyRequestOptions {
  readonly spec: ChannelSpec;
  readonly connection: Connection;
  readonly values: PeerValues;
  /** Gets what cannot be asked. */
  readonly onError: (error: unknown) => void;
}

/** Keys in a message at most: the leader answers, and the first values come, before all of 100,000 keys are read. */
const MAX_KEYS = 1_000;
/**
 * Characters in a message at most, besides the last key: even with two bytes for each character the message goes in a single
 * piece.
 */
const MAX_CHARACTERS = 64 * 1024;

/** Version 2. */
export class TopicRequests implements KeyRequests {
  readonly #options: KeyRequestOptions;
  readonly #ids: IdSequence;
  /** Keys that the join has asked for and nobody has opened yet, by key. */
  readonly #ahead = new Map<string, number>();
  /** Every open key by the id of the subscription, and, as soon as the leader has told the number, by number. */
  readonly #byId = new Map<number, OpenKey<Asked>>();
  readonly #byTopic = new Map<number, OpenKey<Asked>>();
  /** Keys that were asked for in this tick, with consecutive subscription ids. */
  #keys: string[] = [];
  #firstId = 0;
  #characters = 0;

  /** @param inJoin what the join has asked for: subscriptions with the ids 1, 2, 3 … */
  constructor(options: KeyRequestOptions, inJoin: readonly string[] = []) {
    this.#options = options;
    this.#ids = new IdSequence(inJoin.length);
    for (let i = 0; i < inJoin.length; i++) this.#ahead.set(inJoin[i]!, i + 1);
  }

  open(open: OpenKey<Asked>): void {
    const { spec, connection } = this.#options;
    const { key, registration } = open;
    const asked = this.#ahead.get(key);
    if (asked !== undefined) {
      this.#ahead.delete(key);
      open.state = { id: asked, topic: undefined };
      this.#byId.set(asked, open);
      return;
    }
    const payload = spec.isKeyEnough(registration) ? undefined : encodeRegistration(this.#options, open);
    if (payload === null) return;
    const id = this.#ids.next(this.#isTaken);
    open.state = { id, topic: undefined };
    this.#byId.set(id, open);
    if (payload) {
      this.flush();
      connection.send({ type: 'topic-subscribe', id, key, payload });
      return;
    }
    const isFull = this.#keys.length === MAX_KEYS || this.#characters > MAX_CHARACTERS;
    if (isFull || id !== this.#firstId + this.#keys.length) this.flush();
    if (this.#keys.length === 0) {
      this.#firstId = id;
      nextTick(this.flush);
    }
    this.#keys.push(key);
    this.#characters += key.length;
  }

  close({ state }: OpenKey<Asked>): void {
    if (!state) return;
    const { id, topic } = state;
    this.#byId.delete(id);
    if (topic !== undefined) this.#byTopic.delete(topic);
    this.flush();
    this.#options.connection.send({ type: 'topic-unsubscribe', id });
  }

  readonly flush = (): void => {
    if (this.#keys.length === 0) return;
    const keys = this.#keys;
    this.#keys = [];
    this.#characters = 0;
    this.#options.connection.send({ type: 'plain-subscribe', id: this.#firstId, keys });
  };

  /** Gives back the keys that the join has asked for and that nobody wants any more. */
  dropUnopened(): void {
    for (const id of this.#ahead.values()) this.#options.connection.send({ type: 'topic-unsubscribe', id });
    this.#ahead.clear();
  }

  /** The leader has numbered the keys of these subscriptions, from the first id on. */
  onTopics(firstId: number, topics: readonly number[]): void {
    for (let i = 0; i < topics.length; i++) {
      const key = this.#byId.get(firstId + i);
      if (!key?.state || key.state.topic !== undefined) continue; // the key was unsubscribed meanwhile, or the number is repeated
      key.state.topic = topics[i]!;
      this.#byTopic.set(topics[i]!, key);
    }
  }

  /** The key with this number; undefined when the key was unsubscribed meanwhile. */
  numbered(topic: number): OpenKey<Asked> | undefined {
    return this.#byTopic.get(topic);
  }

  readonly #isTaken = (id: number): boolean => this.#byId.has(id);
}

/** In version 1 keys are sent with the prefix of cluster-client 3.x. */
export const KEY_PREFIX = '$$inner$$__';

export class LegacyKeyRequests implements KeyRequests {
  readonly #options: KeyRequestOptions;
  /** Every open key by the key that the leader makes of the registration as JSON. */
  readonly #byLegacyKey = new Map<string, OpenKey<Asked>>();

  constructor(options: KeyRequestOptions) {
    this.#options = options;
  }

  open(open: OpenKey<Asked>): void {
    const { spec } = this.#options;
    const json = jsonForm(open.registration);
    const payload = isDeepStrictEqual(json, open.registration) ? undefined : encodeRegistration(this.#options, open);
    if (payload === null) return;
    const legacyKey = spec.formatKey(json);
    const other = this.#byLegacyKey.get(legacyKey);
    if (other) {
      refuse(this.#options, open, new TypeError(`a leader of cluster-client 3.x cannot tell it from ${other.key}`));
      return;
    }
    this.#byLegacyKey.set(legacyKey, open);
    open.state = { id: 0, legacy: { registration: json, key: legacyKey }, topic: undefined };
    this.#send('subscribe', legacyKey, json, payload);
  }

  close({ state }: OpenKey<Asked>): void {
    if (!state?.legacy) return;
    this.#byLegacyKey.delete(state.legacy.key);
    this.#send('unsubscribe', state.legacy.key, state.legacy.registration, undefined);
  }

  flush(): void {
    // each went at once
  }

  /** The key of an event that names the key with the prefix; undefined when the key was unsubscribed meanwhile. */
  named(key: string): OpenKey<Asked> | undefined {
    return this.#byLegacyKey.get(key.slice(KEY_PREFIX.length));
  }

  #send(type: 'subscribe' | 'unsubscribe', key: string, registration: unknown, payload: Buffer | undefined): void {
    const { spec, connection } = this.#options;
    const id = connection.nextId();
    connection.send({
      type,
      id,
      timeoutMs: spec.responseTimeoutMs,
      key: KEY_PREFIX + key,
      registration,
      ...(payload && { payload }),
    });
  }
}

/**
 * The transcode must carry what JSON would lose, without making a different registration. @returns null when the transcode does
 * not
 */
function encodeRegistration(options: KeyRequestOptions, open: OpenKey<Asked>): Buffer | null {
  const { spec, values } = options;
  const { key, registration } = open;
  try {
    if (isLocalKey(key)) throw new TypeError(`${localPart(registration)} is known in this process only`);
    const payload = values.encode(registration);
    if (values.areFaithful || spec.formatKey(values.decode(payload)) === key) return payload;
    throw new TypeError('it would be another one in the leader');
  } catch (cause) {
    refuse(options, open, cause);
    return null;
  }
}

function refuse({ spec, onError }: KeyRequestOptions, { key }: OpenKey<Asked>, cause: unknown): void {
  const { name: channel } = spec;
  const message = `${channel}: the registration ${key} cannot be encoded: ${messageOf(cause)}; use plain values, or a transcode that keeps it`;
  onError(new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { channel, key, cause }));
}

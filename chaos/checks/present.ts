// How things stand, from what has happened so far: what must be well in a calm.

import type { History, HistoryEntry } from '../history';
import type { Violation } from './violation';

interface Client {
  readonly pid: number;
  readonly channel: string;
  isReady: boolean;
  isClosing: boolean;
  /** When a call of the client was answered last. */
  answeredAt: number;
}

interface Subscription {
  readonly pid: number;
  readonly client: string;
  readonly channel: string;
  readonly key: string;
  readonly since: number;
  version: number;
}

const PUBLICATIONS = 'publications are repeated and withdrawn';

export class Present {
  readonly #clients = new Map<string, Client>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #pending = new Map<
    string,
    { readonly client: string; readonly pid: number; readonly channel: string; readonly at: number }
  >();

  readonly #publications = new Map<
    string,
    { readonly client: string; readonly pid: number; readonly channel: string; readonly at: number }
  >();

  /** Streams that are being read, and generators that run, by connection of the upstream client and stream. */
  readonly #streams = new Map<
    string,
    { readonly client: string; readonly pid: number; readonly channel: string; readonly at: number }
  >();
  readonly #generators = new Map<
    string,
    {
      readonly stream: string;
      readonly connection: number;
      readonly pid: number;
      readonly channel: string;
      readonly at: number;
    }
  >();

  static of(history: History): Present {
    const present = new Present();
    for (const entry of history) present.apply(entry);
    return present;
  }

  /** Entries of a process must come in order. */
  apply(entry: HistoryEntry): void {
    switch (entry.kind) {
      case 'created': {
        const { pid, channel } = entry;
        this.#clients.set(entry.client, { pid, channel, isReady: false, isClosing: false, answeredAt: -Infinity });
        return;
      }
      case 'role': {
        const client = this.#clients.get(entry.client);
        if (client) client.isReady = entry.isReady;
        return;
      }
      case 'closing': {
        const client = this.#clients.get(entry.client);
        if (client) client.isClosing = true;
        this.#forget(({ client: owner }) => owner === entry.client);
        return;
      }
      case 'closed':
        this.#clients.delete(entry.client);
        return;
      case 'subscribed': {
        const { pid, client, channel, key, at } = entry;
        this.#subscriptions.set(entry.subscription, { pid, client, channel, key, since: at, version: 0 });
        return;
      }
      case 'unsubscribed':
        this.#subscriptions.delete(entry.subscription);
        return;
      case 'delivered': {
        const subscription = this.#subscriptions.get(entry.subscription);
        if (subscription) subscription.version = entry.version;
        return;
      }
      case 'published': {
        const { client, pid, channel, at } = entry;
        this.#publications.set(entry.name, { client, pid, channel, at });
        return;
      }
      case 'unpublished':
        this.#publications.delete(entry.name);
        return;
      case 'called':
        this.#pending.set(entry.call, { client: entry.client, pid: entry.pid, channel: entry.channel, at: entry.at });
        return;
      case 'settled': {
        this.#pending.delete(entry.call);
        const client = this.#clients.get(entry.client);
        if (client && entry.outcome === 'ok') client.answeredAt = entry.at;
        return;
      }
      case 'stream-began':
        this.#streams.set(entry.stream, { client: entry.client, pid: entry.pid, channel: entry.channel, at: entry.at });
        return;
      case 'stream-ended':
        this.#streams.delete(entry.stream);
        return;
      case 'generator': {
        const { stream, connection, pid, channel, at } = entry;
        const id = `${connection}/${stream}`;
        if (entry.isBegun) this.#generators.set(id, { stream, connection, pid, channel, at });
        else this.#generators.delete(id);
        return;
      }
      case 'upstream-off':
        for (const [id, { connection }] of this.#generators) if (connection === entry.connection) this.#generators.delete(id);
        return;
      case 'exited':
        for (const [id, { pid }] of this.#streams) if (pid === entry.pid) this.#streams.delete(id);
        for (const [id, { pid }] of this.#clients) if (pid === entry.pid) this.#clients.delete(id);
        for (const [call, { pid }] of this.#pending) if (pid === entry.pid) this.#pending.delete(call);
        this.#forget(({ pid }) => pid === entry.pid);
    }
  }

  /** How many clients there are. */
  get size(): number {
    return this.#clients.size;
  }

  /**
   * Everything that is not as required when all is quiet.
   * @param versions the versions of the server, by channel and key
   * @param published what is published there, by channel and name
   * @param from when the quiet began
   * @param at the present
   * @param answeredSince each client must have had an answer since then; undefined: no answer is needed
   */
  shortcomings(
    versions: ReadonlyMap<string, number>,
    published: ReadonlySet<string>,
    from: number,
    at: number,
    answeredSince?: number,
  ): Violation[] {
    const found: Violation[] = [];
    for (const [id, { pid, client, channel, key, since, version }] of this.#subscriptions) {
      const expected = versions.get(`${channel}/${key}`);
      if (version === expected) continue;
      const about = { pids: [pid], channel, clients: [client], subscription: id };
      const what = `subscription ${id} of ${channel}/${key} stays at version ${version || 'none'}; the server has ${expected}`;
      found.push({ promise: 'eventually the same', what, from: Math.max(from, since), to: at, about });
    }
    for (const [name, { client, pid, channel, at: publishedAt }] of this.#publications) {
      if (published.has(`${channel}/${name}`)) continue;
      const about = { pids: [pid], channel, clients: [client], publication: name };
      found.push({
        promise: PUBLICATIONS,
        what: `${channel}/${name} is not published`,
        from: Math.max(from, publishedAt),
        to: at,
        about,
      });
    }
    for (const id of published) {
      const [channel, name] = id.split('/') as [string, string];
      if (this.#publications.has(name)) continue;
      const about = { pids: [], channel, publication: name };
      found.push({
        promise: PUBLICATIONS,
        what: `${id} is still published, and nobody is there who did it`,
        from,
        to: at,
        about,
      });
    }
    for (const [call, { client, pid, channel, at: calledAt }] of this.#pending) {
      const about = { pids: [pid], channel, clients: [client], call };
      const what = `call ${call} of ${channel} has not settled in ${Math.round(at - calledAt)} ms`;
      found.push({ promise: 'every call settles', what, from: calledAt, to: at, about });
    }
    for (const [stream, { client, pid, channel, at: beganAt }] of this.#streams) {
      const about = { pids: [pid], channel, clients: [client], stream };
      const what = `stream ${stream} of ${channel} has not ended in ${Math.round(at - beganAt)} ms`;
      found.push({ promise: 'every stream ends', what, from: beganAt, to: at, about });
    }
    for (const { stream, pid, channel, at: beganAt } of this.#generators.values()) {
      const about = { pids: [pid], channel, stream };
      const what = `the generator of stream ${stream} of ${channel} still runs in process ${pid}`;
      found.push({ promise: 'every stream ends', what, from: beganAt, to: at, about });
    }
    for (const [id, { pid, channel, isReady, isClosing, answeredAt }] of this.#clients) {
      const about = { pids: [pid], channel, clients: [id] };
      const what = isClosing
        ? 'has not finished close()'
        : !isReady
          ? 'is not ready'
          : answeredSince !== undefined && answeredAt < answeredSince
            ? 'gets no answer to its calls'
            : undefined;
      if (what) found.push({ promise: 'eventually the same', what: `client ${id} of ${channel} ${what}`, from, to: at, about });
    }
    return found;
  }

  /** Requests of a client end with the client. */
  #forget(isGone: (owner: { readonly client: string; readonly pid: number }) => boolean): void {
    for (const [id, subscription] of this.#subscriptions) if (isGone(subscription)) this.#subscriptions.delete(id);
    for (const [name, publication] of this.#publications) if (isGone(publication)) this.#publications.delete(name);
  }
}

// Consul: keys of its KV store, and services of its catalogue with a TTL check. The client talks to the agent of its host. See
// docs/recipes.md.

import { TrunklineError } from 'trunkline';
import type { StoredEntry, Watched, WriteOptions } from 'trunkline/file';
import { byKey, HttpStore, type HttpStoreOptions, type Instance, type Request, type Seen } from './http-store';

export interface ConsulOptions extends HttpStoreOptions {
  /** A token of the ACL system. */
  readonly token?: string;
  /** How long the server holds a blocking query, ms. Default: 30000. */
  readonly waitMs?: number;
  /** An instance whose heartbeats are missing for so long is not healthy any more, ms. Default: 15000. */
  readonly ttlMs?: number;
}

interface Pair {
  readonly Key: string;
  /** Base64; null for an empty value. */
  readonly Value: string | null;
  readonly ModifyIndex: number;
}

interface Healthy {
  readonly Node: { readonly Address: string };
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Meta: Record<string, string> | null;
  };
}

/** The limit of Consul for a value, bytes. */
const MAX_VALUE_BYTES = 512 * 1024;

export class ConsulStore extends HttpStore {
  readonly #token: string | undefined;
  readonly #waitMs: number;
  readonly #ttlMs: number;

  constructor(options: ConsulOptions) {
    super(options);
    this.#token = options.token;
    this.#waitMs = options.waitMs ?? 30_000;
    this.#ttlMs = options.ttlMs ?? 15_000;
  }

  override ready(): Promise<unknown> {
    return this.#ask('/v1/status/leader');
  }

  protected override async _look(what: Watched, mark: string | undefined, signal: AbortSignal): Promise<Seen> {
    const service = this.serviceOf(what);
    const path =
      service !== undefined
        ? `/v1/health/service/${encodeURIComponent(service)}?passing=true&`
        : `/v1/kv/${pathOf('key' in what ? what.key : what.prefix)}?${'key' in what ? '' : 'recurse=true&'}`;
    const waitMs = mark === undefined ? 0 : this.#waitMs;
    const blocking = mark === undefined ? '' : `index=${mark}&wait=${this.#waitMs}ms`;
    const { status, headers, text } = await this.#ask(path + blocking, { accepts: [200, 404], signal, waitMs });
    // An index that went back, after a restore of the servers, would make every query wait for nothing. Index 0 would not wait at all.
    const index = Math.max(1, Number(headers.get('x-consul-index')));
    const next = mark !== undefined && index < Number(mark) ? undefined : String(index);
    const found = status === 404 ? [] : (JSON.parse(text) as unknown[]);
    if (service !== undefined) return { state: this.stateOf(what, instancesOf(service, found as Healthy[])), mark: next };
    const entries = (found as Pair[]).map(entryOf).sort(byKey);
    return { state: 'key' in what ? (entries[0] ?? null) : entries, mark: next };
  }

  override async put(key: string, bytes: Uint8Array, { ifVersion }: WriteOptions = {}): Promise<number> {
    if (bytes.byteLength > MAX_VALUE_BYTES) {
      const sentence = `${this.url}: the value of ${key} has ${bytes.byteLength} bytes, and Consul takes ${MAX_VALUE_BYTES}; split it`;
      throw new TrunklineError('ERR_TRUNKLINE_VALUE_TOO_LARGE', sentence, { server: this.url, key });
    }
    const verb = ifVersion === undefined ? 'set' : 'cas';
    const [pair] = await this.#transact({ Verb: verb, Key: key, Value: Buffer.from(bytes).toString('base64'), Index: ifVersion });
    return pair!.ModifyIndex;
  }

  override async delete(key: string, { ifVersion }: WriteOptions = {}): Promise<boolean> {
    const before = await this.get(key);
    if (ifVersion === 0 && before) throw this.#conflict(key);
    if (!before) return false;
    await this.#transact({ Verb: ifVersion === undefined ? 'delete' : 'delete-cas', Key: key, Index: ifVersion });
    return true;
  }

  protected override async _register({ name, id, address, port, metadata }: Instance): Promise<void> {
    const check = { TTL: `${this.#ttlMs}ms`, Status: 'passing', DeregisterCriticalServiceAfter: '1m' };
    const service = { ID: id, Name: name, Address: address, Port: port, Meta: metadata ?? {}, Check: check };
    await this.#ask('/v1/agent/service/register', { method: 'PUT', body: JSON.stringify(service) });
  }

  /** An agent that was restarted without its data, or that has given the instance up, answers 404 (500 before Consul 1.12). */
  protected override async _keepAlive(instance: Instance): Promise<void> {
    const path = `/v1/agent/check/pass/service:${encodeURIComponent(instance.id)}`;
    const { status } = await this.#ask(path, { method: 'PUT', accepts: [200, 404, 500] });
    if (status !== 200) await this._register(instance);
  }

  protected override async _deregister({ id }: Instance): Promise<void> {
    await this.#ask(`/v1/agent/service/deregister/${encodeURIComponent(id)}`, { method: 'PUT', accepts: [200, 404] });
  }

  async #transact(operation: { Verb: string; Key: string; Value?: string; Index?: number | undefined }): Promise<Pair[]> {
    const body = JSON.stringify([{ KV: operation }]);
    const { status, text } = await this.#ask('/v1/txn', { method: 'PUT', body, accepts: [200, 409] });
    if (status === 409) throw this.#conflict(operation.Key);
    return ((JSON.parse(text) as { Results: { KV: Pair }[] | null }).Results ?? []).map(({ KV }) => KV);
  }

  #conflict(key: string): TrunklineError {
    const sentence = `${this.url}: ${key} has another version than the write requires; read it again`;
    return new TrunklineError('ERR_TRUNKLINE_VERSION_CONFLICT', sentence, { server: this.url, key });
  }

  #ask(path: string, request: Request = {}): ReturnType<HttpStore['_request']> {
    const headers = this.#token === undefined ? {} : { 'x-consul-token': this.#token };
    return this._request(path, { ...request, headers: { ...headers, ...request.headers } });
  }
}

function pathOf(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

function entryOf({ Key: key, Value: value, ModifyIndex: version }: Pair): StoredEntry {
  return { key, version, bytes: Buffer.from(value ?? '', 'base64') };
}

function instancesOf(name: string, healthy: readonly Healthy[]): Instance[] {
  return healthy.map(({ Node: node, Service: { ID: id, Address: address, Port: port, Meta: metadata } }) => ({
    name,
    id,
    address: address || node.Address,
    port,
    metadata: metadata ?? {},
  }));
}

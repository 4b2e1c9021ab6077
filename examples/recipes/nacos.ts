// Nacos, by the first version of its HTTP interface. A configuration is a key: its dataId, in one group of one namespace. Instances
// of services are those of Nacos, so clients in other languages see them. See docs/recipes.md.

import { createHash } from 'node:crypto';
import type { StoredEntry, Watched, WriteOptions } from 'trunkline/file';
import { HttpStore, type HttpStoreOptions, type Instance, type Seen } from './http-store';

export interface NacosOptions extends HttpStoreOptions {
  /** The id of a namespace. Default: the namespace `public`. */
  readonly namespace?: string;
  /** Default: `DEFAULT_GROUP`. */
  readonly group?: string;
  readonly username?: string;
  readonly password?: string;
  /** How long the server may hold a long poll, ms. Default: 30000. */
  readonly waitMs?: number;
}

interface Host {
  readonly ip: string;
  readonly port: number;
  readonly enabled?: boolean;
  readonly metadata?: Record<string, string>;
}

/** The metadata in which an instance keeps its id, because Nacos tells instances apart by address and port. */
const ID = 'trunkline.id';

export class NacosStore extends HttpStore {
  readonly #namespace: string;
  readonly #group: string;
  readonly #waitMs: number;
  readonly #login: { readonly username: string; readonly password: string } | undefined;
  #token: { readonly text: string; readonly until: number } | undefined;

  constructor(options: NacosOptions) {
    super(options);
    const { namespace = '', group = 'DEFAULT_GROUP', waitMs = 30_000, username, password } = options;
    this.#namespace = namespace === 'public' ? '' : namespace;
    this.#group = group;
    this.#waitMs = waitMs;
    this.#login = username === undefined ? undefined : { username, password: password ?? '' };
  }

  override ready(): Promise<unknown> {
    return this.#ask('/nacos/v1/ns/operator/metrics', {});
  }

  protected override async _look(what: Watched, mark: string | undefined, signal: AbortSignal): Promise<Seen> {
    const service = this.serviceOf(what);
    if (service !== undefined) {
      // The list of a service whose last instance is gone is empty, and so believed.
      return { state: this.stateOf(what, await this.#instances(service, signal)) };
    }
    if (!('key' in what)) throw this.lacks('lists no configurations by prefix: watch each key');
    if (mark !== undefined) await this.#change(what.key, mark, signal);
    const text = await this.#content(what.key, signal);
    return { state: this.versioned(what.key, text), mark: digestOf(text) };
  }

  override async put(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<number> {
    this.#assertUnconditional(options);
    const content = Buffer.from(bytes).toString();
    await this.#ask('/nacos/v1/cs/configs', { ...this.#configuration(key), content }, { method: 'POST' });
    return this.versioned(key, content)!.version;
  }

  override async delete(key: string, options?: WriteOptions): Promise<boolean> {
    this.#assertUnconditional(options);
    const before: StoredEntry | null = await this.get(key);
    if (before) await this.#ask('/nacos/v1/cs/configs', this.#configuration(key), { method: 'DELETE' });
    return before !== null;
  }

  protected override async _register(instance: Instance): Promise<void> {
    const { address: ip, port } = instance;
    const given = { ip, port: String(port), weight: weightOf(instance), metadata: JSON.stringify(metadataOf(instance)) };
    await this.#ask(
      '/nacos/v1/ns/instance',
      { ...this.#service(instance.name), ...given, ephemeral: 'true' },
      { method: 'POST' },
    );
  }

  /** A server that has lost the instance takes it from the heartbeat, or says that it does not know it. */
  protected override async _keepAlive(instance: Instance): Promise<void> {
    const { address: ip, port, name } = instance;
    const metadata = metadataOf(instance);
    const serviceName = this.#service(name).serviceName;
    const beat = { ip, port, serviceName, metadata, weight: Number(weightOf(instance)), cluster: 'DEFAULT', scheduled: true };
    const parameters = { ...this.#service(name), beat: JSON.stringify(beat) };
    const text = await this.#ask('/nacos/v1/ns/instance/beat', parameters, { method: 'PUT', accepts: [200, 404] });
    const isKnown = text.startsWith('{') && (JSON.parse(text) as { code?: number }).code !== 20404;
    if (!isKnown) await this._register(instance);
  }

  /** Nacos tells instances apart by address and port. */
  protected override _isSame(before: Instance, after: Instance): boolean {
    return before.address === after.address && before.port === after.port;
  }

  protected override async _deregister({ name, address: ip, port }: Instance): Promise<void> {
    const parameters = { ...this.#service(name), ip, port: String(port), ephemeral: 'true' };
    await this.#ask('/nacos/v1/ns/instance', parameters, { method: 'DELETE' });
  }

  async #content(dataId: string, signal: AbortSignal): Promise<string | undefined> {
    const request = { method: 'GET', accepts: [200, 404], signal };
    let isThere = true;
    const text = await this.#ask('/nacos/v1/cs/configs', this.#configuration(dataId), request, (status) => {
      isThere = status === 200;
    });
    return isThere ? text : undefined;
  }

  /** Resolves when the digest on the server is another one, or when the server has waited long enough. */
  async #change(dataId: string, digest: string, signal: AbortSignal): Promise<void> {
    const fields = [dataId, this.#group, digest, ...(this.#namespace ? [this.#namespace] : [])];
    const body = new URLSearchParams({ 'Listening-Configs': `${fields.join('\x02')}\x01` });
    const headers = { 'Long-Pulling-Timeout': String(this.#waitMs) };
    const request = { method: 'POST', headers, body, signal, waitMs: this.#waitMs };
    await this.#ask('/nacos/v1/cs/configs/listener', {}, request);
  }

  async #instances(name: string, signal: AbortSignal): Promise<Instance[]> {
    const text = await this.#ask('/nacos/v1/ns/instance/list', { ...this.#service(name), healthyOnly: 'true' }, { signal });
    const { hosts } = JSON.parse(text) as { hosts: Host[] };
    return hosts
      .filter(({ enabled }) => enabled !== false)
      .map(({ ip, port, metadata: { [ID]: id = `${ip}:${port}`, ...metadata } = {} }) => ({
        name,
        id,
        address: ip,
        port,
        metadata,
      }));
  }

  async #ask(
    path: string,
    parameters: Record<string, string>,
    request: Parameters<HttpStore['_request']>[1] = {},
    onStatus?: (status: number) => void,
  ): Promise<string> {
    const query = new URLSearchParams({ ...parameters, ...(await this.#credentials()) });
    const { status, text } = await this._request(`${path}?${query.toString()}`, request);
    onStatus?.(status);
    return text;
  }

  async #credentials(): Promise<Record<string, string>> {
    if (!this.#login) return {};
    if (!this.#token || this.#token.until < Date.now()) {
      const { text } = await this._request('/nacos/v1/auth/login', { method: 'POST', body: new URLSearchParams(this.#login) });
      const { accessToken, tokenTtl } = JSON.parse(text) as { accessToken: string; tokenTtl: number };
      this.#token = { text: accessToken, until: Date.now() + tokenTtl * 900 }; // a tenth before its end, s → ms
    }
    return { accessToken: this.#token.text };
  }

  #configuration(dataId: string): Record<string, string> {
    return { dataId, group: this.#group, ...(this.#namespace ? { tenant: this.#namespace } : {}) };
  }

  #service(name: string): { serviceName: string; namespaceId: string } {
    return { serviceName: `${this.#group}@@${name}`, namespaceId: this.#namespace || 'public' };
  }

  #assertUnconditional(options: WriteOptions | undefined): void {
    if (options?.ifVersion !== undefined) throw this.lacks('has no versions of configurations: write without ifVersion');
  }
}

/** What Nacos compares; nothing for a configuration that does not exist. */
function digestOf(text: string | undefined): string {
  return text === undefined ? '' : createHash('md5').update(text).digest('hex');
}

/** Zero counts: an instance that gets no requests. */
function weightOf({ metadata }: Instance): string {
  return metadata?.weight ?? '1';
}

function metadataOf({ id, metadata }: Instance): Record<string, string> {
  return { ...metadata, [ID]: id };
}

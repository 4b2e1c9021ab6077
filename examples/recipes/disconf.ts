// Disconf: items and files of one application, version and environment. A key is `item/NAME` or `file/NAME`. Disconf tells its
// clients of changes through ZooKeeper; this client asks again instead, and needs no ZooKeeper. See docs/recipes.md.

import type { Watched } from 'trunkline/file';
import { HttpStore, type HttpStoreOptions, type Seen } from './http-store';

export interface DisconfOptions extends HttpStoreOptions {
  readonly app: string;
  readonly version: string;
  /** The environment, such as `rd`. */
  readonly env: string;
}

export class DisconfStore extends HttpStore {
  readonly #where: { readonly app: string; readonly version: string; readonly env: string };

  constructor(options: DisconfOptions) {
    super({ pollMs: 10_000, ...options });
    const { app, version, env } = options;
    this.#where = { app, version, env };
  }

  override ready(): Promise<unknown> {
    return this._request('/api/zoo/prefix');
  }

  protected override async _look(what: Watched, _mark: string | undefined, signal: AbortSignal): Promise<Seen> {
    if (!('key' in what)) throw this.lacks('lists no configurations by prefix: watch each key');
    const [, type, name] = /^(item|file)\/(.+)$/s.exec(what.key) ?? [];
    if (type === undefined || name === undefined) throw this.lacks(`has no key ${what.key}: give item/NAME or file/NAME`);
    const query = new URLSearchParams({ ...this.#where, key: name }).toString();
    const { status, text } = await this._request(`/api/config/${type}?${query}`, { signal, accepts: [200, 404] });
    return { state: this.versioned(what.key, status === 404 ? undefined : type === 'file' ? text : itemIn(text)) };
  }
}

/** @returns undefined when there is no such item */
function itemIn(text: string): string | undefined {
  const { status, value } = JSON.parse(text) as { status: number; value: string };
  return status === 1 ? value : undefined;
}

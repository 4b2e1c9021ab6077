// Apollo: the released configurations of one application. A key is NAMESPACE/PROPERTY, so the prefix `application/` is a whole
// namespace. There are no writes, and no services. See docs/recipes.md.

import { createHmac } from 'node:crypto';
import type { StoredEntry, Watched } from 'trunkline/file';
import { byKey, HttpStore, type Answer, type HttpStoreOptions, type Request, type Seen } from './http-store';

export interface ApolloOptions extends HttpStoreOptions {
  readonly appId: string;
  /** Default: `default`. */
  readonly cluster?: string;
  /** The access key of the application, if it has one. */
  readonly secret?: string;
  /** How long the server may hold a long poll, ms: Apollo holds it for a minute. Default: 60000. */
  readonly waitMs?: number;
}

interface Notification {
  readonly namespaceName: string;
  readonly notificationId: number;
  readonly messages?: object;
}

/** The id with which a client that knows nothing asks: it is answered at once. */
const NO_NOTIFICATION = -1;

export class ApolloStore extends HttpStore {
  readonly #appId: string;
  readonly #cluster: string;
  readonly #secret: string | undefined;
  readonly #waitMs: number;
  /** The newest notification of each namespace, for reads that must not be older. */
  readonly #messages = new Map<string, object>();

  constructor(options: ApolloOptions) {
    super(options);
    this.#appId = options.appId;
    this.#cluster = options.cluster ?? 'default';
    this.#secret = options.secret;
    this.#waitMs = options.waitMs ?? 60_000;
  }

  override ready(): Promise<unknown> {
    return this.#configurations('application', undefined);
  }

  protected override async _look(what: Watched, mark: string | undefined, signal: AbortSignal): Promise<Seen> {
    const text = 'key' in what ? what.key : what.prefix;
    const [namespace, ...rest] = text.split('/');
    if (!namespace || rest.length === 0)
      throw this.lacks('watches one namespace at a time: give NAMESPACE/PROPERTY or the prefix NAMESPACE/');
    if (text.startsWith('services/')) throw this.lacks('has configurations and no services: use config of this store');
    const next = await this.#notification(namespace, Number(mark ?? NO_NOTIFICATION), signal);
    const properties = await this.#configurations(namespace, signal);
    const entries = Object.entries(properties).map(([name, value]): StoredEntry =>
      this.versioned(`${namespace}/${name}`, value)!,
    );
    const state =
      'key' in what
        ? (entries.find(({ key }) => key === what.key) ?? null)
        : entries.filter(({ key }) => key.startsWith(text)).sort(byKey);
    // A namespace that was never released has no notification.
    return { state, mark: next === NO_NOTIFICATION ? undefined : String(next) };
  }

  /** Waits until there is a newer notification than this one. @returns its id, or the same when the time is over */
  async #notification(namespace: string, known: number, signal: AbortSignal): Promise<number> {
    const notifications = JSON.stringify([{ namespaceName: namespace, notificationId: known }]);
    const query = new URLSearchParams({ appId: this.#appId, cluster: this.#cluster, notifications });
    // A namespace that does not exist would hold the request for its whole time; a client that knows nothing does not wait so long.
    const waitMs = known === NO_NOTIFICATION ? 0 : this.#waitMs;
    let answer: Answer;
    try {
      answer = await this.#ask(`/notifications/v2?${query.toString()}`, { signal, waitMs, accepts: [200, 304] });
    } catch (error) {
      if (known === NO_NOTIFICATION && !signal.aborted) return NO_NOTIFICATION;
      throw error;
    }
    if (answer.status === 304) return known;
    const [news] = (JSON.parse(answer.text) as Notification[]).filter(({ namespaceName }) => namespaceName === namespace);
    if (news?.messages) this.#messages.set(namespace, news.messages);
    return news?.notificationId ?? known;
  }

  async #configurations(namespace: string, signal: AbortSignal | undefined): Promise<Record<string, string>> {
    const messages = this.#messages.get(namespace);
    const query = messages ? `?messages=${encodeURIComponent(JSON.stringify(messages))}` : '';
    const path = `/configs/${[this.#appId, this.#cluster, namespace].map(encodeURIComponent).join('/')}${query}`;
    const { status, text } = await this.#ask(path, { accepts: [200, 404], ...(signal && { signal }) });
    return status === 404 ? {} : (JSON.parse(text) as { configurations: Record<string, string> }).configurations;
  }

  #ask(path: string, request: Request): Promise<Answer> {
    if (this.#secret === undefined) return this._request(path, request);
    const timestamp = String(Date.now());
    const signature = createHmac('sha1', this.#secret).update(`${timestamp}\n${path}`).digest('base64');
    return this._request(path, { ...request, headers: { timestamp, authorization: `Apollo ${this.#appId}:${signature}` } });
  }
}

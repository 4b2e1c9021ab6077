// The same client for a real etcd, over npm `etcd3`: watch, get and put. Its keys begin with `trunkline-example/`;
// other keys of that etcd are not touched.

import { Etcd3, type IKeyValue, type Watcher } from 'etcd3';
import { Base } from 'sdk-base';
import type { ConfigClient, Setting, SettingListener } from './config-client';

const PREFIX = 'trunkline-example/';
/** A server that does not answer within this time counts as not there. */
const CALL_MS = 2_000;

interface Topic {
  readonly listeners: Set<SettingListener>;
  readonly watcher: Promise<Watcher>;
  latest?: Setting;
}

export class EtcdClient extends Base implements ConfigClient {
  readonly #etcd: Etcd3;
  readonly #topics = new Map<string, Topic>();

  /** @param options.url `http://host:port` */
  constructor(options: { url: string }) {
    super({ initMethod: '_init' });
    this.#etcd = new Etcd3({
      hosts: options.url,
      dialTimeout: CALL_MS,
      defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_MS }),
    });
  }

  /** Runs by itself; the client is ready when it resolves. */
  async _init(): Promise<void> {
    await this.get('is-etcd-there');
  }

  subscribe({ key }: { key: string }, listener: SettingListener): void {
    const topic = this.#topics.get(key);
    if (!topic) {
      const watcher = this.#watch(key);
      watcher.catch((error: unknown) => this.emit('error', error));
      this.#topics.set(key, { listeners: new Set([listener]), watcher });
      return;
    }
    topic.listeners.add(listener);
    if (topic.latest) listener(topic.latest);
  }

  unSubscribe({ key }: { key: string }, listener?: SettingListener): void {
    const topic = this.#topics.get(key);
    if (!topic) return;
    if (listener) topic.listeners.delete(listener);
    if (listener && topic.listeners.size > 0) return;
    this.#topics.delete(key);
    topic.watcher.then((watcher) => watcher.cancel()).catch((error: unknown) => this.emit('error', error));
  }

  publish({ key, value }: { key: string; value: string }): void {
    this.set(key, value).catch((error: unknown) => this.emit('error', error));
  }

  async get(key: string): Promise<Setting | undefined> {
    const { kvs } = await this.#etcd.get(PREFIX + key).exec();
    return kvs[0] && received(key, kvs[0]);
  }

  async set(key: string, value: string): Promise<Setting> {
    const put = this.#etcd.put(PREFIX + key).value(value);
    const { header } = await put.exec();
    return { key, value, version: Number(header.revision), via: process.pid };
  }

  override async close(): Promise<void> {
    await super.close();
    const watchers = await Promise.allSettled([...this.#topics.values()].map(({ watcher }) => watcher));
    for (const watcher of watchers) if (watcher.status === 'fulfilled') await watcher.value.cancel();
    this.#etcd.close();
  }

  async #watch(key: string): Promise<Watcher> {
    // Watch before asking for the present value, or a change between the two is lost.
    const watch = this.#etcd.watch().key(PREFIX + key);
    const watcher = await watch.create();
    watcher.on('put', (pair) => this.#push(received(key, pair)));
    watcher.on('error', (error) => this.emit('error', error));
    const present = await this.get(key);
    if (present) this.#push(present);
    return watcher;
  }

  #push(setting: Setting): void {
    const topic = this.#topics.get(setting.key);
    if (!topic || (topic.latest && topic.latest.version >= setting.version)) return;
    topic.latest = setting;
    for (const listener of topic.listeners) listener(setting);
  }
}

function received(key: string, { value, mod_revision: revision }: IKeyValue): Setting {
  return { key, value: value.toString(), version: Number(revision), via: process.pid };
}

// The client for a real etcd, over npm `etcd3`: watch, get and put. Keys begin with `trunkline-example/`; other keys of that
// etcd are not touched.

import { setTimeout as delay } from 'node:timers/promises';
import { Etcd3, type IKeyValue, type Watcher } from 'etcd3';
import { Base } from 'sdk-base';
import type { ConfigClient, Setting, SettingListener } from './config-client';

const PREFIX = 'trunkline-example/';
/** A server that does not answer within this time counts as not there. */
const CALL_MS = 2_000;
/** Between two tries to watch a key again, ms. */
const RETRY_MS = 500;

interface Topic {
  readonly key: string;
  readonly listeners: Set<SettingListener>;
  watcher: Promise<Watcher>;
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

  /** Called by the base class; the client is ready when the promise resolves. */
  async _init(): Promise<void> {
    await this.get('is-etcd-there');
  }

  /** Rejects when the key cannot be watched: trunkline then asks again. */
  async subscribe({ key }: { key: string }, listener: SettingListener): Promise<void> {
    let topic = this.#topics.get(key);
    if (!topic) {
      topic = { key, listeners: new Set(), watcher: this.#watch(key) };
      this.#topics.set(key, topic);
    }
    topic.listeners.add(listener);
    if (topic.latest) listener(topic.latest);
    try {
      await topic.watcher;
    } catch (error) {
      topic.listeners.delete(listener);
      if (topic.listeners.size === 0 && this.#topics.get(key) === topic) this.#topics.delete(key);
      throw error;
    }
  }

  async unSubscribe({ key }: { key: string }, listener?: SettingListener): Promise<void> {
    const topic = this.#topics.get(key);
    if (!topic) return;
    if (listener) topic.listeners.delete(listener);
    if (listener && topic.listeners.size > 0) return;
    this.#topics.delete(key);
    await cancel(topic);
  }

  /** Rejects when etcd refuses the value: trunkline then publishes the value again. */
  async publish({ key, value }: { key: string; value: string }): Promise<void> {
    await this.set(key, value);
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
    const topics = [...this.#topics.values()];
    this.#topics.clear();
    await Promise.all(topics.map(cancel));
    this.#etcd.close();
  }

  async #watch(key: string): Promise<Watcher> {
    // Watch before asking for the present value, or a change between the two is lost.
    const watch = this.#etcd.watch().key(PREFIX + key);
    const watcher = await watch.create();
    watcher.on('put', (pair) => this.#push(received(key, pair)));
    watcher.on('error', () => void this.#watchAgain(key, watcher));
    try {
      const present = await this.get(key);
      if (present) this.#push(present);
      return watcher;
    } catch (error) {
      await watcher.cancel();
      throw error;
    }
  }

  /**
   * A watcher of etcd3 resumes after a lost connection, but not when etcd has compacted what happened meanwhile: then etcd
   * cancels the watch. Missed changes are gone for good, and the watch begins anew, from the present value.
   */
  async #watchAgain(key: string, canceled: Watcher): Promise<void> {
    const topic = this.#topics.get(key);
    if (!topic || (await topic.watcher.catch(() => undefined)) !== canceled) return;
    for (;;) {
      topic.watcher = this.#watch(key);
      try {
        await topic.watcher;
        return;
      } catch {
        await delay(RETRY_MS, undefined, { ref: false });
        if (this.#topics.get(key) !== topic) return; // unsubscribed or closed meanwhile
      }
    }
  }

  #push(setting: Setting): void {
    const topic = this.#topics.get(setting.key);
    if (!topic || (topic.latest && topic.latest.version >= setting.version)) return;
    topic.latest = setting;
    for (const listener of topic.listeners) listener(setting);
  }
}

async function cancel({ watcher }: Topic): Promise<void> {
  const open = await watcher.catch(() => undefined); // a failed watcher watches nothing
  await open?.cancel();
}

function received(key: string, { value, mod_revision: revision }: IKeyValue): Setting {
  return { key, value: value.toString(), version: Number(revision), via: process.pid };
}

// An ordinary client of the registry server, written as for a single process, without any knowledge of sharing. Trunkline
// creates the client in the leader only. After a lost connection the client connects again and watches the same keys.

import { once } from 'node:events';
import net from 'node:net';
import { Base } from 'sdk-base';
import type { ConfigClient, Setting, SettingListener } from './config-client';
import { receiveLines, sendLine, type Request, type Response } from './registry-protocol';

const RECONNECT_MS = 100;

interface Waiting {
  readonly resolve: (setting: Setting | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class RegistryClient extends Base implements ConfigClient {
  readonly #address: URL;
  readonly #listeners = new Map<string, Set<SettingListener>>();
  /** The newest value of each watched key. */
  readonly #latest = new Map<string, Setting>();
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #socket: net.Socket | undefined;
  #reconnect: NodeJS.Timeout | undefined;

  /** @param options.url `tcp://host:port` */
  constructor(options: { url: string }) {
    super({ initMethod: '_init' });
    this.#address = new URL(options.url);
  }

  /** Called by the base class; the client is ready when the promise resolves. */
  async _init(): Promise<void> {
    await this.#connect();
  }

  subscribe({ key }: { key: string }, listener: SettingListener): void {
    const listeners = this.#listeners.get(key);
    if (!listeners) {
      this.#listeners.set(key, new Set([listener]));
      this.#send({ op: 'watch', key });
      return;
    }
    listeners.add(listener);
    const latest = this.#latest.get(key);
    if (latest) listener(latest);
  }

  unSubscribe({ key }: { key: string }, listener?: SettingListener): void {
    const listeners = this.#listeners.get(key);
    if (!listeners) return;
    if (listener) listeners.delete(listener);
    if (listener && listeners.size > 0) return;
    this.#listeners.delete(key);
    this.#latest.delete(key);
    this.#send({ op: 'unwatch', key });
  }

  publish({ key, value }: { key: string; value: string }): void {
    this.set(key, value).catch((error: unknown) => this.emit('error', error));
  }

  async get(key: string): Promise<Setting | undefined> {
    return this.#ask((id) => ({ op: 'get', id, key }));
  }

  async set(key: string, value: string): Promise<Setting> {
    return (await this.#ask((id) => ({ op: 'set', id, key, value })))!;
  }

  override async close(): Promise<void> {
    await super.close();
    clearTimeout(this.#reconnect);
    this.#socket?.destroy();
  }

  async #connect(): Promise<void> {
    const socket = net.connect({ host: this.#address.hostname, port: Number(this.#address.port), noDelay: true });
    this.#socket = socket;
    receiveLines<Response>(socket, (response) => this.#onResponse(response));
    await once(socket, 'connect');
    socket.on('error', (error) => this.emit('error', error));
    socket.once('close', () => this.#onDisconnect());
    for (const key of this.#listeners.keys()) this.#send({ op: 'watch', key });
  }

  #onDisconnect(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`connection to ${this.#address.host} lost`));
    this.#waiting.clear();
    if (this.isClosed) return;
    this.#reconnect = setTimeout(() => {
      this.#connect().catch(() => this.#onDisconnect()); // the server is not back yet: try again
    }, RECONNECT_MS);
  }

  #onResponse(response: Response): void {
    if (response.type === 'failure') {
      this.#waiting.get(response.id)?.reject(new Error(response.reason));
      this.#waiting.delete(response.id);
      return;
    }
    const setting = response.setting && response.setting;
    if (response.type === 'answer') {
      this.#waiting.get(response.id)?.resolve(setting);
      this.#waiting.delete(response.id);
    } else if (setting) {
      this.#latest.set(setting.key, setting);
      for (const listener of this.#listeners.get(setting.key) ?? []) listener(setting);
    }
  }

  #ask(request: (id: number) => Request): Promise<Setting | undefined> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (!this.#send(request(id))) reject(new Error(`not connected to ${this.#address.host}`));
      else this.#waiting.set(id, { resolve, reject });
    });
  }

  /** @returns false without a connection; watched keys are sent as soon as there is a connection */
  #send(request: Request): boolean {
    if (this.#socket?.readyState !== 'open') return false;
    sendLine(this.#socket, request);
    return true;
  }
}

// What the processes share: a client of a server that keeps settings. Two classes implement this interface, for the registry of
// this example and for etcd; the address selects the class, and only that class is loaded.

import type { Base } from 'sdk-base';

/** A value as the server has stored the value. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** Counts the changes that the server has made: a later change has a greater version. */
  readonly version: number;
  /** The process whose connection brought the value: proof of who is the leader. */
  readonly via: number;
}

export type SettingListener = (setting: Setting) => void;

export interface ConfigClient extends Base {
  /** Pushes the present value, and each later value. */
  subscribe(topic: { key: string }, listener: SettingListener): void | Promise<void>;
  unSubscribe(topic: { key: string }, listener?: SettingListener): void | Promise<void>;
  /**
   * Sets a value permanently: a new leader publishes the value again. Right for values that belong to this process, such as the
   * address of the process; for values that others may change use `set`.
   */
  publish(change: { key: string; value: string }): void | Promise<void>;
  get(key: string): Promise<Setting | undefined>;
  set(key: string, value: string): Promise<Setting>;
}

export type ConfigClientClass = new (options: { url: string }) => ConfigClient;

/** @param url `tcp://…` for the registry of this example, `http://…` or `https://…` for etcd */
export async function configClientClass(url: string): Promise<ConfigClientClass> {
  if (url.startsWith('http')) return (await import('./etcd-client.js')).EtcdClient;
  return (await import('./registry-client.js')).RegistryClient;
}

// What the processes share: settings of a server, and a class that keeps them up to date.

import type { Base } from 'sdk-base';

/** A value as the server has stored the value. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** Counts the changes that the server has made: a later change has a greater version. */
  readonly version: number;
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

// An upstream client whose behaviour a test decides. Each test makes a new class, and instances of different tests never meet.

import { Base } from 'sdk-base';

export type UpstreamListener = (value: unknown) => void;

export class FakeUpstream extends Base {
  /** What each subscribe brought, by JSON of the registration. */
  readonly upstreamListeners = new Map<string, UpstreamListener>();
  readonly values = new Map<string, unknown>();
  readonly subscribed: unknown[] = [];
  readonly unsubscribed: unknown[] = [];
  readonly published: unknown[] = [];
  readonly unpublished: unknown[] = [];
  readonly received: unknown[][] = [];
  closeCount = 0;

  constructor(public settings: Record<string, unknown> = {}) {
    super();
    if (!settings.notReady) this.ready(true);
  }

  subscribe(registration: unknown, listener: UpstreamListener): void {
    const key = JSON.stringify(registration);
    this.subscribed.push(registration);
    this.upstreamListeners.set(key, listener);
    if (this.values.has(key)) listener(this.values.get(key));
  }

  unSubscribe(registration: unknown, listener: UpstreamListener): void {
    const key = JSON.stringify(registration);
    this.unsubscribed.push(registration);
    if (this.upstreamListeners.get(key) === listener) this.upstreamListeners.delete(key);
  }

  publish(registration: unknown): void {
    this.published.push(registration);
  }

  unPublish(registration: unknown): void {
    this.unpublished.push(registration);
  }

  /** Pushes a value as the upstream server would. */
  push(registration: unknown, value: unknown): void {
    const key = JSON.stringify(registration);
    this.values.set(key, value);
    this.upstreamListeners.get(key)?.(value);
  }

  async echo(value: unknown): Promise<unknown> {
    await Promise.resolve();
    return value;
  }

  async *scan(to: number): AsyncGenerator<number, void> {
    for (let i = 1; i <= to; i++) yield await Promise.resolve(i);
  }

  async countArguments(...args: unknown[]): Promise<number> {
    await Promise.resolve();
    this.received.push(args);
    return args.length;
  }

  async fail(): Promise<never> {
    await Promise.resolve();
    throw Object.assign(new TypeError('no such thing', { cause: new Error('the root') }), { code: 42, details: { a: [1] } });
  }

  async throwValue(value: unknown): Promise<never> {
    await Promise.resolve();
    throw value;
  }

  *generate(value: number): Generator<unknown, number> {
    const sum = (yield Promise.resolve(value + 1)) as number;
    return sum + 1;
  }

  plain(value: unknown): unknown {
    return value;
  }

  optional(first: unknown, second?: unknown): unknown {
    return [first, typeof second];
  }

  throwAtOnce(): never {
    throw new RangeError('at once');
  }

  withCallback(value: unknown, callback: (error: Error | null, first?: unknown, second?: unknown) => void): void {
    setImmediate(callback, null, value, 'second');
  }

  failingCallback(callback: (error: Error | null, value?: string) => void): void {
    setImmediate(callback, Object.assign(new Error('callback failed'), { code: 'E_CB' }));
  }

  twice(callback: (error: Error | null, value?: number) => void): void {
    callback(null, 1);
    callback(null, 2);
  }

  never(callback: (error: Error | null) => void): void {
    this.received.push([typeof callback]);
  }

  override async close(): Promise<void> {
    this.closeCount++;
    await super.close();
  }
}

/** A class whose instances can be looked at. */
export function upstreamClass(): typeof FakeUpstream & { readonly instances: FakeUpstream[]; readonly last: FakeUpstream } {
  const instances: FakeUpstream[] = [];
  return class Registry extends FakeUpstream {
    static readonly instances = instances;
    static get last(): FakeUpstream {
      return instances.at(-1)!;
    }
    constructor(settings?: Record<string, unknown>) {
      super(settings);
      instances.push(this);
    }
  };
}

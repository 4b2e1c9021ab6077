// One connection of a session to etcd, from its beginning to its end: requests that notice lost data, the watches of the session, and
// what the session is told over the watches, in order. After the end the session makes another line, and nothing is carried over.

import type { SessionListener, SessionSetup } from '../../engine';
import type { EtcdEvent, KeyRange, RangeRequest, RangeResult, TxnRequest, TxnResult } from '../../../etcd/etcd-types';
import { TrunklineError } from '../../../errors';
import type { EtcdClient } from './etcd-client';
import type { GroupKeys } from './keys';

export interface WatchedRange {
  /** The revision up to which all events were told. */
  seen: bigint;
  close(): void;
}

export class EtcdLine {
  readonly client: EtcdClient;
  readonly keys: GroupKeys;
  readonly setup: SessionSetup;
  /** Resolves once, with the reason. */
  readonly ended: Promise<Error>;
  /** The lease of the member, once the member is registered. */
  memberLease = '';
  readonly #onEnd: (reason: Error) => void;
  readonly #listener: SessionListener;
  /** The highest revision of an answer. */
  #newest = 0n;
  #reason: Error | undefined;
  /** What happened before the session was told to be up; undefined afterwards. */
  #early: (() => void)[] | undefined = [];
  #waiting: { readonly isDone: () => boolean; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(client: EtcdClient, keys: GroupKeys, setup: SessionSetup, listener: SessionListener) {
    this.client = client;
    this.keys = keys;
    this.setup = setup;
    this.#listener = listener;
    let onEnd!: (reason: Error) => void;
    this.ended = new Promise((resolve) => (onEnd = resolve));
    this.#onEnd = onEnd;
  }

  /** Why the line has ended; undefined until then. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_STORE_FAILED when etcd has lost data since an earlier answer; the line ends then */
  async txn(request: TxnRequest): Promise<TxnResult> {
    return this.#checked(this.#newest, await this.client.txn(request));
  }

  /** Reads several ranges at one revision, as the majority knows the ranges. */
  async read(...ranges: RangeRequest[]): Promise<{ readonly revision: bigint; readonly ranges: readonly RangeResult[] }> {
    const { revision, results } = await this.txn({ then: ranges.map((range) => ({ range })) });
    return { revision, ranges: results.map((result) => ('range' in result ? result.range : NO_ENTRIES)) };
  }

  async readAll(range: KeyRange): Promise<Pick<RangeResult, 'revision' | 'entries'>> {
    return this.#checked(this.#newest, await this.client.readAll(range));
  }

  /** Watches from a revision on. Resolves when the watch is open. The line ends when the watch is lost. */
  async watch(range: KeyRange, after: bigint, onEvents: (events: readonly EtcdEvent[]) => void): Promise<WatchedRange> {
    const watched = { seen: after, close: () => watch.close() };
    let onOpen!: () => void;
    const opened = new Promise<void>((resolve) => (onOpen = resolve));
    const watch = this.client.watch(
      { ...range, fromRevision: after + 1n },
      {
        onOpen: () => onOpen(),
        onEvents: (events, revision) =>
          this.tell(() => {
            try {
              onEvents(events);
              watched.seen = revision;
              this.#look();
            } catch (error) {
              this.end(error as Error); // what stands in etcd is not of a fleet
            }
          }),
        onLost: (error) => this.end(error),
        onEnd: (end) => this.end(end.kind === 'refused' ? end.error : this.#broken(`a watch has ended: ${end.kind}`)),
      },
    );
    const failure = await Promise.race([opened, this.ended]);
    if (failure) throw failure;
    return watched;
  }

  /** Tells the session something, in order, once the session is up and until the end. */
  tell(say: (listener: SessionListener) => void): void {
    if (this.#reason) return;
    if (this.#early) this.#early.push(() => say(this.#listener));
    else say(this.#listener);
  }

  /** From now on the session is told things; what was told before comes first. */
  up(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const say of early) if (!this.#reason) say();
  }

  /** Resolves when a condition holds that events of watches make true. @throws why the line has ended */
  until(isDone: () => boolean): Promise<void> {
    if (this.#reason) return Promise.reject(this.#reason);
    if (isDone()) return Promise.resolve();
    return new Promise((resolve, reject) => void this.#waiting.push({ isDone, resolve, reject }));
  }

  /** Nothing is told from now on. Idempotent. */
  end(reason: Error): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#onEnd(reason);
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    void this.client.close();
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ isDone, resolve }) => {
      const done = isDone();
      if (done) resolve();
      return !done;
    });
  }

  /** @param before the highest revision of an answer before the question was asked */
  #checked<Answer extends { readonly revision: bigint }>(before: bigint, answer: Answer): Answer {
    if (answer.revision < before) {
      const error = this.#broken(`its revision went back from ${before} to ${answer.revision}, so it has lost data`);
      this.end(error);
      throw error;
    }
    if (answer.revision > this.#newest) this.#newest = answer.revision;
    return answer;
  }

  #broken(what: string): TrunklineError {
    return new TrunklineError('ERR_TRUNKLINE_STORE_FAILED', `etcd at ${this.client.addresses}: ${what}`);
  }
}

const NO_ENTRIES: RangeResult = { revision: 0n, entries: [], count: 0, hasMore: false };

// Watches that outlive connections: when the connection is lost, all watches are asked for again, at the next endpoint, each from
// the revision after the last that the observer has heard of. So no event is lost and none comes twice. Where that cannot be,
// because etcd has forgotten the events or has another history, the watch ends and says why.

import type { Credential } from './credential';
import type { Endpoints } from './endpoints';
import { closed, reasonOf } from './etcd-failure';
import type { EtcdEvent, KeyRange } from './etcd-types';
import { Backoff, backgroundClock, delay } from '../time';
import { WatchConnection, type StoreMark } from './watch-connection';
import { eventOf, rangeForm, type Json } from './wire';

export type WatchRequest = KeyRange & {
  /**
   * The first revision whose events are wanted: the revision of a range plus 1, for what has happened since that range. Default: what
   * happens after the watch is open.
   */
  readonly fromRevision?: bigint;
  /** Whether events have the entry of before. */
  readonly wantsPrevious?: boolean;
};

export type WatchEnd =
  /** Events before this revision were compacted before this watch has got all of them. Read the range again, then watch. */
  | { readonly kind: 'compacted'; readonly compactRevision: bigint }
  /** The store is behind what was seen, or is another store: data was lost or restored. Read the range again, then watch. */
  | { readonly kind: 'rewound'; readonly revision: bigint }
  /** etcd does not allow the watch, and will not without a change: see the code of the error. */
  | { readonly kind: 'refused'; readonly error: Error };

/** Called synchronously as messages come in. Nothing is called after `close()` of the watch or after `onEnd`. */
export interface WatchObserver {
  /** The watch is open, for the first time or again. @param revision of the store, as the server that was asked knows */
  onOpen?(revision: bigint): void;
  /**
   * All events of whole revisions, in order.
   * @param revision of the last event: the store up to this revision is known
   */
  onEvents(events: readonly EtcdEvent[], revision: bigint): void;
  /** The connection was lost or cannot be made; told once until the watch is open again. The watch goes on trying. */
  onLost?(error: Error): void;
  onEnd(end: WatchEnd): void;
}

export interface EtcdWatch {
  /** The revision from which the watch would go on after a lost connection; undefined until the watch is open. */
  readonly nextRevision: bigint | undefined;
  /** Ends the watch; the observer hears nothing more. */
  close(): void;
}

export interface WatchesOptions {
  readonly endpoints: Endpoints;
  readonly credential: Credential;
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  /** How the store stands as the majority knows, not a single member. @param range keys that the user may read */
  readonly askStore: (range: KeyRange) => Promise<StoreMark>;
}

interface Watching extends EtcdWatch {
  readonly request: WatchRequest;
  readonly observer: WatchObserver;
  nextRevision: bigint | undefined;
  /** Events of the last revision that are not complete. */
  parts: EtcdEvent[];
  isLost: boolean;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

/** Why a connection is ended when the last watch was closed. */
const IDLE = new Error('nothing is watched any more');

export class EtcdWatches {
  readonly #options: WatchesOptions;
  readonly #watches = new Map<number, Watching>();
  readonly #closing = new AbortController();
  readonly #retry = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  #lastId = 0;
  #isHeld = true;
  #connection: WatchConnection | undefined;
  #running: Promise<void> | undefined;
  #checking: Promise<void> | undefined;
  /** The store, as the newest message says. */
  #mark: StoreMark | undefined;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  add(request: WatchRequest, observer: WatchObserver): EtcdWatch {
    const id = ++this.#lastId;
    const nextRevision = request.fromRevision;
    const close = (): void => this.#remove(id);
    const watch: Watching = { request, observer, nextRevision, parts: [], isLost: false, close };
    this.#watches.set(id, watch);
    this.#connection?.create(id, formOf(watch));
    this.#running ??= this.#run();
    return watch;
  }

  /**
   * See `watchProgress` of etcd-gateway.ts.
   * @throws when there is no connection, or when the connection ends before the answer
   */
  async progress(): Promise<bigint> {
    const connection = this.#connection;
    if (!connection) throw closed('request for progress: no watch is open');
    const answer = await Promise.race([connection.progress(), connection.ended]);
    if (answer instanceof Error) throw answer;
    return answer.revision;
  }

  /** Whether watches keep the process alive. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#connection?.hold(isHeld);
  }

  async close(): Promise<void> {
    this.#watches.clear();
    this.#closing.abort();
    this.#connection?.end(IDLE);
    await this.#running;
  }

  #remove(id: number): void {
    if (!this.#watches.delete(id)) return;
    this.#connection?.cancel(id);
    if (this.#watches.size > 0) return;
    this.#connection?.end(IDLE);
    this.#connection = undefined;
  }

  /** Makes connection after connection, as long as there is something to watch. */
  async #run(): Promise<void> {
    while (this.#watches.size > 0) {
      const server = this.#options.endpoints.current;
      const failure = await this.#connect().catch((error: unknown) => error as Error);
      this.#connection = undefined;
      if (failure === IDLE) continue;
      for (const watch of this.#watches.values()) lose(watch, failure);
      // A token that has expired is no fault of the server.
      if (reasonOf(failure) === undefined) this.#options.endpoints.moveOn(server);
      await delay(backgroundClock, this.#retry.nextMs(), this.#closing.signal);
    }
    this.#running = undefined;
  }

  /** @returns why the connection has ended */
  async #connect(): Promise<Error> {
    const { endpoints, credential, heartbeatMs, connectTimeoutMs } = this.#options;
    const token = await credential.token();
    if (this.#watches.size === 0) return IDLE;
    const connection = new WatchConnection({
      server: endpoints.current,
      token,
      heartbeatMs,
      connectTimeoutMs,
      messages: {
        onOpened: (id, mark) => this.#onOpened(id, mark),
        onEvents: (id, events, mark, isPart) => this.#onEvents(id, events, mark, isPart),
        onCompacted: (id, compactRevision) => this.#finish(id, { kind: 'compacted', compactRevision }),
        onRefused: (id, error) => {
          // A connection has the token of when the connection was made: with a new token all watches go on.
          if (credential.isOutdated(token, error)) connection.end(error);
          else this.#finish(id, { kind: 'refused', error });
        },
      },
    });
    if (!this.#isHeld) connection.hold(false);
    this.#connection = connection;
    for (const [id, watch] of this.#watches) connection.create(id, formOf(watch));
    const failure = await connection.ended;
    credential.isOutdated(token, failure);
    return failure;
  }

  #onOpened(id: number, mark: StoreMark): void {
    this.#retry.reset();
    const watch = this.#watches.get(id);
    if (!watch) return;
    watch.isLost = false;
    watch.nextRevision ??= mark.revision + 1n;
    const known = this.#mark;
    if (watch.nextRevision > mark.revision + 1n || (known && isOtherStore(known, mark))) void this.#check(watch.request);
    else this.#mark = mark;
    watch.observer.onOpen?.(mark.revision);
  }

  #onEvents(id: number, forms: readonly Json[], mark: StoreMark, isPart: boolean): void {
    const watch = this.#watches.get(id);
    if (watch?.nextRevision === undefined) return;
    const from = watch.nextRevision;
    for (const form of forms) watch.parts.push(eventOf(form));
    if (isPart) return;
    const events = watch.parts.filter(({ entry }) => entry.modRevision >= from);
    watch.parts = [];
    if (!this.#checking) this.#mark = mark;
    const last = events.at(-1);
    if (!last) return;
    watch.nextRevision = last.entry.modRevision + 1n;
    watch.observer.onEvents(events, last.entry.modRevision);
  }

  /**
   * A server seems to have another history than what was seen. A member that lags behind looks the same, therefore the majority is
   * asked before a watch is ended.
   */
  #check(range: KeyRange): Promise<void> {
    this.#checking ??= this.#compareWithMajority(range).finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  async #compareWithMajority(range: KeyRange): Promise<void> {
    const connection = this.#connection;
    let store: StoreMark;
    try {
      store = await this.#options.askStore(range);
    } catch (error) {
      connection?.end(error as Error); // asked again on the next connection
      return;
    }
    const isOther = this.#mark !== undefined && isOtherStore(this.#mark, store);
    this.#mark = store;
    for (const [id, { nextRevision = 0n }] of [...this.#watches])
      if (isOther || nextRevision > store.revision + 1n) this.#finish(id, { kind: 'rewound', revision: store.revision });
  }

  #finish(id: number, end: WatchEnd): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#remove(id);
    watch.observer.onEnd(end);
  }
}

/** Terms of an etcd only grow, unless the data is lost. */
function isOtherStore(known: StoreMark, seen: StoreMark): boolean {
  return known.cluster !== seen.cluster || seen.term < known.term;
}

function lose(watch: Watching, failure: Error): void {
  watch.parts = [];
  if (watch.isLost) return;
  watch.isLost = true;
  watch.observer.onLost?.(failure);
}

function formOf({ request, nextRevision }: Watching): Json {
  return {
    ...rangeForm(request),
    ...(nextRevision !== undefined && { start_revision: String(nextRevision) }),
    ...(request.wantsPrevious && { prev_kv: true }),
  };
}

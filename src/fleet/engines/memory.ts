// `memoryEngine()`: an engine within one process, for tests. Keeps every rule of engine.ts, and can do what servers do to
// clients: stop, start again with or without data, and lose the link to one session.

import { TrunklineError } from '../../errors';
import { backgroundClock, soon, within, type Timer } from '../../time';
import type { CallId, Engine, EngineReply, EngineSession, EngineValue, Leader, SessionListener, SessionSetup } from '../engine';
import { MemoryStore } from './memory-store';

/** An engine for tests: all fleets that are given this object, or a link of this object, share the engine. */
export interface MemoryEngine extends Engine {
  /** As if the server were killed: no verb is answered from now on. */
  stop(): void;
  /** As if the server were started again. @param options `isEmpty`: everything that the server knew is lost */
  start(options?: { readonly isEmpty?: boolean | undefined }): void;
  /** The same engine over a network of its own, which can be cut. */
  link(): MemoryLink;
}

export interface MemoryLink extends Engine {
  cut(): void;
  restore(): void;
}

const LIMITS = { valueBytes: 8 * 1024 * 1024, batchSize: 128, batchBytes: 16 * 1024 * 1024 };
const NAME = 'memory';

/** An engine within this process, for tests. */
export function memoryEngine(): MemoryEngine {
  const server = new MemoryServer();
  const linkTo = (): MemoryLink => {
    const link = new Link(server);
    return {
      name: NAME,
      limits: LIMITS,
      open: (setup, listener) => new MemorySession(link, setup, listener),
      cut: () => link.switch(false),
      restore: () => link.switch(true),
    };
  };
  const own = linkTo();
  return {
    name: NAME,
    limits: LIMITS,
    open: (...given) => own.open(...given),
    stop: () => server.stop(),
    start: (options) => server.start(options),
    link: linkTo,
  };
}

/** The groups of one engine, and the sessions that are connected. */
class MemoryServer {
  readonly #stores = new Map<string, MemoryStore>();
  readonly #sessions = new Set<MemorySession>();
  readonly links = new Set<Link>();
  isUp = true;
  /** When the data were lost; undefined: never. */
  #emptySince: number | undefined;

  stop(): void {
    this.isUp = false;
    for (const link of this.links) link.look();
  }

  start({ isEmpty = false }: { readonly isEmpty?: boolean | undefined } = {}): void {
    if (isEmpty) {
      this.#emptySince = backgroundClock.now();
      for (const store of this.#stores.values()) store.close();
      this.#stores.clear();
    }
    this.isUp = true;
    for (const link of this.links) link.look();
  }

  store({ group, ttlMs }: SessionSetup): MemoryStore {
    const known = this.#stores.get(group);
    if (known) return known;
    const tell = (say: (session: MemorySession) => void): void => {
      for (const session of this.#sessions) if (session.setup.group === group) say(session);
    };
    const quietUntil = this.#emptySince === undefined ? 0 : this.#emptySince + ttlMs;
    const store = new MemoryStore(backgroundClock, quietUntil, {
      onLeader: (leader) => tell((session) => session.hearLeader(leader)),
      onValues: (values) => tell((session) => session.hearValues(values)),
      onWishes: (changes) => tell((session) => session.hear('serving', (to) => to.onWishes(changes, false))),
      onCalls: (calls) => tell((session) => session.hearCalls(calls)),
      onReplies: (replies) => tell((session) => session.hearReplies(replies)),
    });
    this.#stores.set(group, store);
    return store;
  }

  enter(session: MemorySession): void {
    this.#sessions.add(session);
  }

  leave(session: MemorySession): void {
    this.#sessions.delete(session);
  }
}

/** The network between the server and some sessions. */
class Link {
  readonly server: MemoryServer;
  readonly sessions = new Set<MemorySession>();
  #isWhole = true;

  constructor(server: MemoryServer) {
    this.server = server;
    server.links.add(this);
  }

  get isUp(): boolean {
    return this.#isWhole && this.server.isUp;
  }

  switch(isWhole: boolean): void {
    this.#isWhole = isWhole;
    this.look();
  }

  /** Sessions notice what has changed. */
  look(): void {
    for (const session of this.sessions) session.look();
  }
}

class MemorySession implements EngineSession {
  readonly setup: SessionSetup;
  readonly #link: Link;
  readonly #listener: SessionListener;
  readonly #watched = new Set<string>();
  #store: MemoryStore;
  #state: 'starting' | 'up' | 'down' | 'closed' = 'starting';
  #isServing = false;
  /** Forgets the member after a cut that was too long. */
  #death: Timer | undefined;
  /** What is told and not heard yet, in order. */
  #unheard: (() => void)[] = [];

  constructor(link: Link, setup: SessionSetup, listener: SessionListener) {
    this.#link = link;
    this.setup = setup;
    this.#listener = listener;
    this.#store = link.server.store(setup);
    link.sessions.add(this);
    soon(() => this.look());
  }

  look(): void {
    const { isUp, server } = this.#link;
    if (this.#state === 'closed' || (isUp && this.#state === 'up') || (!isUp && this.#state === 'down')) return;
    this.#isServing = false;
    this.#watched.clear();
    this.#unheard = [];
    if (isUp) {
      this.#state = 'up';
      backgroundClock.clearTimeout(this.#death);
      this.#store = server.store(this.setup);
      server.enter(this);
      this.hear('up', (listener) => listener.onUp());
      this.hearLeader(this.#store.leader);
      this.hearReplies(this.#store.repliesOf(this.setup.member));
    } else {
      server.leave(this);
      this.#state = 'up';
      this.hear('up', (listener) => listener.onDown(this.#silence('the connection')));
      this.#state = 'down';
      const store = this.#store;
      this.#death = backgroundClock.setTimeout(() => store.forget(this.setup.member), this.setup.memberTtlMs);
    }
  }

  /** Tells the listener something later, in order, unless the session was cut off meanwhile. */
  hear(who: 'up' | 'serving', say: (listener: SessionListener) => void): void {
    if (this.#unheard.length === 0) soon(() => this.#tell());
    this.#unheard.push(() => {
      if (this.#state !== 'closed' && (who === 'up' || this.#isServing)) say(this.#listener);
    });
  }

  hearLeader(leader: Leader | undefined): void {
    this.hear('up', (listener) => listener.onLeader(leader));
  }

  hearValues(values: readonly EngineValue[]): void {
    const watched = values.filter(({ key }) => this.#watched.has(key));
    if (watched.length > 0) this.hear('up', (listener) => listener.onValues(watched));
  }

  hearCalls(calls: readonly CallId[]): void {
    if (calls.length > 0) this.hear('serving', (listener) => listener.onCalls(calls));
  }

  hearReplies(replies: readonly EngineReply[]): void {
    const own = replies.filter(({ member }) => member === this.setup.member);
    if (own.length === 0) return;
    this.hear('up', (listener) => {
      this.#store.forgetReplies(this.setup.member, own);
      listener.onReplies(own);
    });
  }

  health = () => this.#do(() => ({ version: 'memory', warnings: [] }));
  campaign: EngineSession['campaign'] = (candidate) => this.#do((store) => store.campaign(candidate, this.setup.ttlMs));
  renew: EngineSession['renew'] = (fence) => this.#do((store) => store.renew(fence, this.setup.ttlMs));
  resign: EngineSession['resign'] = (fence) => this.#do((store) => void store.depose(fence));
  release: EngineSession['release'] = (leader) =>
    this.#do((store) => {
      store.forget(leader.member);
      return store.depose(leader.fence);
    });
  write: EngineSession['write'] = (fence, batch) => this.#do((store) => store.write(fence, batch));
  take: EngineSession['take'] = (fence, calls) => this.#do((store) => store.take(fence, calls));
  reply: EngineSession['reply'] = (fence, replies) => this.#do((store) => store.reply(fence, replies));

  serve = () =>
    this.#do((store) => {
      this.#isServing = true;
      const wishes = store.wishes();
      this.hear('serving', (listener) => listener.onWishes(wishes, true));
      this.hearCalls(store.unclaimed());
    });

  stopServing(): void {
    this.#isServing = false;
  }

  watch: EngineSession['watch'] = (keys) =>
    this.#do((store) => {
      for (const key of keys) this.#watched.add(key);
      this.hearValues(store.valuesOf(keys));
    });

  unwatch(keys: readonly string[]): void {
    for (const key of keys) this.#watched.delete(key);
  }

  want: EngineSession['want'] = (wishes, isWhole) => this.#do((store) => store.want(this.setup.member, wishes, isWhole));
  unwant: EngineSession['unwant'] = (wishes) => this.#do((store) => store.unwant(this.setup.member, wishes));
  call: EngineSession['call'] = (calls) => this.#do((store) => store.call(this.setup.member, calls));
  withdraw: EngineSession['withdraw'] = (numbers) => this.#do((store) => store.withdraw(this.setup.member, numbers));
  lostSince: EngineSession['lostSince'] = (fence, numbers) =>
    this.#do((store) => store.lostSince(this.setup.member, fence, numbers));

  barrier = () => this.#do(() => undefined);

  close(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    if (this.#state === 'up') this.#store.forget(this.setup.member);
    this.#state = 'closed';
    this.#link.sessions.delete(this);
    this.#link.server.leave(this);
    return Promise.resolve();
  }

  /** Runs a verb as a server would: later, and answered after everything that was told before. */
  async #do<Result>(verb: (store: MemoryStore) => Result): Promise<Result> {
    await new Promise<void>((resolve) => soon(resolve));
    if (this.#state !== 'up') throw this.#silence('a verb');
    const result = verb(this.#store);
    const answered = new Promise<void>((resolve) => this.hear('up', () => resolve()));
    if (await within(backgroundClock, this.setup.verbTimeoutMs, answered)) return result;
    throw this.#silence('a verb');
  }

  #tell(): void {
    for (const say of this.#unheard.splice(0)) say();
  }

  #silence(what: string): TrunklineError {
    const message = `${this.setup.group}: ${what} got no answer of the memory engine; start() the engine, or restore() the link`;
    return new TrunklineError('ERR_TRUNKLINE_FLEET_NO_ENGINE', message, { engine: NAME });
  }
}

// What a fleet needs of the system between hosts: who leads, newest values, wishes of members, calls. The fleet uses this interface,
// and each engine implements it. Each verb says how the verb may be sent again, because the answer to any verb may be lost:
// nothing in an engine, or in a client library below an engine, sends a verb again by itself, unless the verb allows that.

/**
 * What the engine compares to refuse a deposed leader: another text for each won campaign, such as the revision in which the leader's
 * key was created. Fences have no order.
 */
export type Fence = string;

/**
 * What members compare to drop older values: grows with each won campaign, also over a loss of the engine's data. A whole number
 * below 2^53.
 */
export type Epoch = number;

/** An engine as users configure the engine. Nothing is connected before `open`. */
export interface Engine {
  /** The name in sentences, such as `etcd`. */
  readonly name: string;
  readonly limits: EngineLimits;
  /** Starts to connect. Never throws for a server that does not answer: that is `onDown`. */
  open(setup: SessionSetup, listener: SessionListener): EngineSession;
}

export interface EngineLimits {
  /** The largest value, call or answer, bytes. The fleet refuses anything larger before sending. */
  readonly valueBytes: number;
  /** How many values, calls or answers one verb may carry; the fleet makes the batches. */
  readonly batchSize: number;
  /** How many bytes one verb may carry. A single value up to `valueBytes` always fits. */
  readonly batchBytes: number;
}

export interface SessionSetup {
  /** Sessions of one group share everything, and see nothing of other groups. Letters, digits, `.`, `_` and `-` only. */
  readonly group: string;
  /** This session: different for each session that was ever opened. Letters, digits and `-` only. */
  readonly member: string;
  /** How long leadership lasts without a renewal, ms. */
  readonly ttlMs: number;
  /** How long wishes and calls of a silent member last, ms: 30 to 60 s, at least ten times as long as a short cut. */
  readonly memberTtlMs: number;
  /** A verb without an answer in this time is rejected, ms. What the verb asked for may happen all the same, at any later time. */
  readonly verbTimeoutMs: number;
}

/** Who leads, as the leader's key says. Plain JSON. */
export interface LeaderRecord {
  /** The member that leads; also the nonce of the campaign. */
  readonly member: string;
  /** The name of the host, for people. */
  readonly host: string;
  /** What is the same for processes that can see each other's process numbers: machine, boot and process namespace. */
  readonly machine: string;
  readonly pid: number;
  /** When the process started, in a form that differs for a later process with the same number. */
  readonly startedAt: string;
  /** What must be equal in all hosts of a group: the class and the form of values. Names of places, with a text for each. */
  readonly fingerprint: Readonly<Record<string, string>>;
}

/** The present leader, as members see the leader. */
export interface Leader extends LeaderRecord {
  readonly fence: Fence;
  readonly epoch: Epoch;
}

export interface Candidate {
  readonly record: LeaderRecord;
  /** The highest epoch that this process has ever seen; 0 at first. */
  readonly highestEpoch: Epoch;
  /**
   * Whether this session has led until now and its own deadline has not passed. Such a candidate does not wait after a restart of
   * the engine that lost the leader's key: nobody else can lead yet.
   */
  readonly isIncumbent: boolean;
}

export type CampaignOutcome =
  | { readonly won: true; readonly fence: Fence; readonly epoch: Epoch }
  | { readonly won: false; readonly leader: Leader }
  /** Nobody may lead yet: the engine has lost its data, and a leader that does not know may still be at work. Campaign again then. */
  | { readonly won: false; readonly leader: undefined; readonly waitMs: number };

/** How a fenced verb ended. `deposed`: another campaign was won since, or leadership ran out; nothing of the verb has happened. */
export type Fenced<Result = object> = ({ readonly deposed: false } & Result) | { readonly deposed: true };

/** A value as the engine keeps the value: one for each key, the newest. */
export interface EngineValue {
  readonly key: string;
  readonly epoch: Epoch;
  /** Grows with each value of the leader, over all keys. */
  readonly sequence: number;
  /** Undefined: the leader has removed the key. Engines deliver a removal only to sessions that watch at that moment. */
  readonly bytes: Buffer | undefined;
}

export interface WriteBatch {
  readonly epoch: Epoch;
  /** Grows with each batch of a fence. A repeated batch has the same guard and the same content. */
  readonly guard: number;
  /** No key twice. */
  readonly values: readonly Omit<EngineValue, 'epoch'>[];
}

export type WishKind = 'subscription' | 'publication';

/** What a member wants of the leader. The same key may be wanted in both kinds. */
export interface Wish {
  readonly kind: WishKind;
  readonly key: string;
  /** What the upstream client is asked with. */
  readonly registration: Buffer;
}

/** A wish of one member, as the leader hears of the wish. `registration` undefined: the member is gone, or wants this no longer. */
export interface WishChange {
  readonly member: string;
  readonly kind: WishKind;
  readonly key: string;
  readonly registration: Buffer | undefined;
}

/** A call on its way to the leader, or taken by the leader. `id` is unique in the group, as `member` and `number` are together. */
export interface EngineCall {
  readonly member: string;
  /** Grows with each call of the member. */
  readonly number: number;
  readonly bytes: Buffer;
}

export type CallId = Omit<EngineCall, 'bytes'>;

export interface EngineReply extends CallId {
  readonly bytes: Buffer;
}

/** What the engine's server says of itself, once a session is up. */
export interface EngineHealth {
  /** The version, in the words of the server. */
  readonly version: string;
  /** What may lose data or fill the server in production, each a whole sentence with what to do. */
  readonly warnings: readonly string[];
}

/** What a session tells the fleet. Nothing is told after `close`. Listeners do not throw. */
export interface SessionListener {
  /**
   * The session works: for the first time, after each cut, and when the engine has forgotten this member (a freeze, lost data). The
   * fleet now states everything again: `want` with all wishes, `watch` with all keys, `serve`, and as leader all values.
   */
  onUp(): void;
  /** The session does not work, for this reason; the engine goes on trying. Also told when the first attempt fails. */
  onDown(error: Error): void;
  /**
   * Who leads; undefined: nobody does. Told after each `onUp`, and at each change. A fence that went away and came back in a cut is no
   * change. The engine finds out about leadership that ran out by itself, a fraction of the TTL late at most.
   */
  onLeader(leader: Leader | undefined): void;
  /** Values of watched keys. May repeat values, and may give an older value after a newer value: the fleet compares. */
  onValues(values: readonly EngineValue[]): void;
  /** After `serve`. @param isWhole these are all wishes of all members, this one's too; anything known before is forgotten */
  onWishes(changes: readonly WishChange[], isWhole: boolean): void;
  /** After `serve`: calls that nobody has taken. May repeat calls. */
  onCalls(calls: readonly CallId[]): void;
  /** Answers to calls of this member, each at least once, also after a cut. */
  onReplies(replies: readonly EngineReply[]): void;
}

/**
 * One member's connection to the engine. All verbs reject with a coded error when there is no answer in `verbTimeoutMs`, or no
 * connection: then nobody knows whether the verb has happened, now or later.
 */
export interface EngineSession {
  /** Reads only. May be sent again. */
  health(): Promise<EngineHealth>;

  /**
   * Claims leadership in one transaction with the new epoch: the maximum of stored + 1, `highestEpoch` + 1 and the time in ms, kept
   * where no TTL applies. May be sent again: the key holds the member, and a campaign that finds its own member has won, with the
   * fence and epoch of the first time.
   */
  campaign(candidate: Candidate): Promise<CampaignOutcome>;

  /**
   * Leadership lasts `ttlMs` from now on. May be sent again. The caller counts its own deadline from when the renewal was sent.
   * @returns whether the fence still leads; false is final
   */
  renew(fence: Fence): Promise<boolean>;

  /** Ends the own leadership, if the fence still leads; members hear of that at once. May be sent again. */
  resign(fence: Fence): Promise<void>;

  /**
   * Ends the leadership, wishes and calls of a member whose process is dead, which the caller has made sure of. May be sent again.
   * @returns whether the fence led until now
   */
  release(leader: Leader): Promise<boolean>;

  /**
   * Writes values, all or none, if the fence leads and the guard is higher than that of each batch before. The same batch may be sent
   * again: a guard that is equal says that the batch was written before. One batch is under way at a time: a batch without an answer
   * is sent again unchanged, until there is one.
   */
  write(fence: Fence, batch: WriteBatch): Promise<Fenced>;

  /**
   * Claims calls. What is claimed is given to no other leader. May be sent again: gives what this fence has claimed before, too, if it
   * is not answered yet. Calls that are gone, or were claimed with another fence, are left out.
   */
  take(fence: Fence, calls: readonly CallId[]): Promise<Fenced<{ readonly calls: readonly EngineCall[] }>>;

  /** Answers claimed calls. May be sent again: the caller gets an answer once. Without effect for calls of members that are gone. */
  reply(fence: Fence, replies: readonly EngineReply[]): Promise<Fenced>;

  /**
   * From now on wishes and calls of all members are told: whole at first and after each cut, then what changes. May be sent again, and
   * is ended by `stopServing`. Reads only.
   */
  serve(): Promise<void>;
  stopServing(): void;

  /** Watches, then reads: the present value of each key is told, if there is one, and each later value. May be sent again. */
  watch(keys: readonly string[]): Promise<void>;
  /** Never rejects. */
  unwatch(keys: readonly string[]): void;

  /**
   * States wishes of this member, which live as long as the member. May be sent again.
   * @param isWhole these are all wishes: others of this member end
   */
  want(wishes: readonly Wish[], isWhole: boolean): Promise<void>;
  /** Ends wishes. May be sent again. */
  unwant(wishes: readonly Omit<Wish, 'registration'>[]): Promise<void>;

  /**
   * Gives calls of this member to the leader, or to the next leader. Numbers are sent in order, one batch at a time. The same calls
   * may be sent again while the session stays up: a number that is not higher than all numbers before is no new call. After `onUp`
   * ask `lostSince` instead, because an engine that lost its data has forgotten the numbers.
   */
  call(calls: readonly Omit<EngineCall, 'member'>[]): Promise<void>;

  /** Ends calls of this member that nobody has claimed. May be sent again. @returns the numbers that will never run */
  withdraw(numbers: readonly number[]): Promise<readonly number[]>;

  /**
   * Which calls of this member will get no answer: claimed with another fence, so that the answer will be refused, or unknown to the
   * engine, which has lost them or has told the answer. Call `barrier` after this verb, then calls that are still without an answer are lost.
   * Reads only; may be sent again.
   * @param fence the present leader's; undefined: nobody leads
   */
  lostSince(fence: Fence | undefined, numbers: readonly number[]): Promise<readonly number[]>;

  /**
   * Resolves when everything that the engine had sent to this session has been told: a barrier in order with values and leaders. May
   * be sent again. Without an answer in time the session is cut off, although its connection may be open.
   */
  barrier(): Promise<void>;

  /**
   * Ends wishes and calls of this member and the connection; leadership is resigned before. Never rejects; takes `verbTimeoutMs` at
   * most. Idempotent.
   */
  close(): Promise<void>;
}

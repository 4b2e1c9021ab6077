// What happened, as recorded by all who saw: the members (member.ts), the upstream server and the driver. The checks (checks/)
// read nothing else.

/** Milliseconds on the monotonic clock of the host, so that moments of different processes can be compared. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A fault made on purpose. `until`: when the fault is over. */
export interface Fault {
  readonly kind: 'fault';
  readonly fault:
    | ('kill' | 'stop' | 'block' | 'renew' | 'leave' | 'cut' | 'slow-net' | 'hold-net' | 'swallow' | 'upstream-down' | 'flood')
    | ('link-cut' | 'link-swallow' | 'link-slow' | 'link-hold' | 'link-resets' | 'engine-stop' | 'engine-kill');
  readonly detail: string;
  readonly until: number;
  /** The affected process; undefined: none, or all. */
  readonly pid?: number | undefined;
  readonly channel?: string | undefined;
  /** The host of a fleet whose link to the engine is affected. */
  readonly host?: string | undefined;
}

/** Something about a shared client, from `create()` to `close()`. */
interface OfClient {
  readonly pid: number;
  readonly channel: string;
  readonly client: string;
}

interface OfSubscription extends OfClient {
  readonly subscription: string;
  readonly key: string;
}

interface OfCall extends OfClient {
  readonly call: string;
}

type Process =
  | { readonly kind: 'started'; readonly pid: number; readonly slot: number }
  | { readonly kind: 'exited'; readonly pid: number; readonly how: string; readonly wasWanted: boolean; readonly output: string }
  | { readonly kind: 'unhandled'; readonly pid: number; readonly message: string }
  /** Something was wrong with a message of a telemetry channel. */
  | { readonly kind: 'telemetry'; readonly pid: number; readonly message: string }
  | { readonly kind: 'memory'; readonly pid: number; readonly rssBytes: number; readonly leads: number };

type Client =
  | (OfClient & { readonly kind: 'created' })
  | (OfClient & { readonly kind: 'closing' })
  | (OfClient & { readonly kind: 'closed' })
  /** Seen by polling, and recorded only after a change. */
  | (OfClient & { readonly kind: 'role'; readonly isReady: boolean; readonly isLeader: boolean })
  | (OfClient & { readonly kind: 'error' | 'log'; readonly code?: string | undefined; readonly message: string })
  /** `close()` had resolved, and then this. */
  | (OfClient & { readonly kind: 'after-close'; readonly message: string });

type DeliveredValue =
  | (OfSubscription & { readonly kind: 'subscribed' })
  | (OfSubscription & { readonly kind: 'unsubscribed' })
  | (OfSubscription & {
      readonly kind: 'delivered';
      readonly version: number;
      /** False: not the bytes that the server made. */
      readonly isWhole: boolean;
      readonly isLeader: boolean;
    });

type Publishing =
  | (OfClient & { readonly kind: 'published'; readonly name: string })
  | (OfClient & { readonly kind: 'unpublished'; readonly name: string });

type Call =
  | (OfCall & {
      readonly kind: 'called';
      readonly method: string;
      readonly isIdempotent: boolean;
      /** The limit for the call, ms of running time of the caller; undefined: no limit is promised. */
      readonly limitMs: number | undefined;
    })
  | (OfCall & {
      readonly kind: 'settled';
      /** `ok`, or the code of the error, or the name of the error. */
      readonly outcome: string;
      readonly message: string;
      /** Whether the answer is that of this call; true for errors. */
      readonly isOwn: boolean;
      /** How long the call took; without the time in which the caller did not run, ms. */
      readonly ranMs: number;
    });

interface OfStream extends OfClient {
  readonly stream: string;
}

type Stream =
  | (OfStream & { readonly kind: 'stream-began'; readonly rows: number })
  /** The reader got the rows of these numbers, each one above the one before. */
  | (OfStream & { readonly kind: 'stream-rows'; readonly from: number; readonly to: number })
  | (OfStream & {
      readonly kind: 'stream-ended';
      /** `all`, `left` by the reader, or the code of the error, or the name of the error. */
      readonly outcome: string;
      readonly message: string;
      /** What the generator has returned; undefined unless all was read. */
      readonly returned: number | undefined;
      /** Whether each row was one of this stream, with the bytes that the generator made. */
      readonly isWhole: boolean;
    });

type Upstream =
  /** The upstream client of a process is there, or gone. */
  | {
      readonly kind: 'upstream-on';
      readonly pid: number;
      readonly channel: string;
      readonly connection: number;
      /** The period of leadership of a fleet in which the upstream client was made. */
      readonly epoch?: number | undefined;
    }
  | { readonly kind: 'upstream-off'; readonly pid: number; readonly channel: string; readonly connection: number }
  /** A generator of an upstream client has begun, or has run its `finally`. */
  | {
      readonly kind: 'generator';
      readonly pid: number;
      readonly channel: string;
      readonly connection: number;
      readonly stream: string;
      readonly isBegun: boolean;
    }
  /** The server has carried out a call. */
  | {
      readonly kind: 'journal';
      readonly pid: number;
      readonly channel: string;
      readonly call: string;
      readonly isIdempotent: boolean;
      /** The connection on which the server got the call; undefined in histories without this. */
      readonly connection?: number | undefined;
    };

type Fleet =
  /** How the host of a process stands in the fleet, as seen by the process that leads on the host. */
  | {
      readonly kind: 'standing';
      readonly pid: number;
      readonly channel: string;
      readonly host: string;
      readonly state: string;
      readonly epoch: number;
      readonly stale: string | undefined;
    }
  /** The server of the engine runs again. */
  | { readonly kind: 'engine-up' };

/** In `recovered`, `detail` is the time of recovery, ms. */
type Phase =
  | { readonly kind: 'calm'; readonly detail: string }
  | { readonly kind: 'storm'; readonly detail: string }
  | { readonly kind: 'recovered'; readonly detail: string };

export type HistoryEntry = { readonly at: number } & (
  Fault | Process | Client | DeliveredValue | Publishing | Call | Stream | Upstream | Fleet | Phase
);
export type EntryOf<K extends HistoryEntry['kind']> = Extract<HistoryEntry, { kind: K }>;
export type History = readonly HistoryEntry[];

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An entry without a time. */
export type Happening = DistributiveOmit<HistoryEntry, 'at'>;
export type Recorder = (happening: Happening) => void;

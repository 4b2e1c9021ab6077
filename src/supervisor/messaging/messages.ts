// What master and child say to each other over IPC. Messages of the application use the same channel: messages of the supervisor
// have the property `trunkline`. Mail has both: the property and an `action` of the application.

import type { ProcessReport } from '../../process-report';

/** The first message to a child. */
export interface TaskMessage {
  readonly trunkline: 'task';
  /** A ChildTask as JSON. */
  readonly task: string;
}

/** What a child has to do. */
export interface ChildTask {
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  readonly masterPid: number;
  /** The process title. */
  readonly title?: string | undefined;
  readonly program: Program;
  /** The folder of the application, as the master names the folder. The working folder of a new process. */
  readonly baseDir: string;
  /** Modules that are loaded before the program, as resolved from `baseDir`. */
  readonly require: readonly string[];
  /** The previous child still serves: that child passes listening sockets on, which come before the program is loaded. */
  readonly inherits: boolean;
  /** Where the shared clients meet: a server on this port is no sign of being ready. */
  readonly clusterPort: number;
  /** The port on which the worker takes the connections that the master hands over. */
  readonly stickyPort?: number | undefined;
  /** A loop that does not turn for this long, ms, is blocked; 0: never. */
  readonly blockedTimeoutMs: number;
  /** Where the profile of a blocked loop is kept. */
  readonly profileFile: string;
  /**
   * `kept`: NODE_COMPILE_CACHE in the environment is for this child alone, and not for what it starts. `written`: besides, this child
   * writes the compiled code when its start is over.
   */
  readonly compileCache?: 'kept' | 'written' | undefined;
}

/** Where the stack of a blocked loop is kept: next to the profile, `….cpuprofile`. */
export function stackFileOf(profileFile: string): string {
  return profileFile.replace(/\.cpuprofile$/, '') + '.stack.txt';
}

/** A file of the user, or the class of that kind that a framework exports. */
export type Program =
  | { readonly file: string; readonly args?: readonly string[] | undefined }
  | { readonly framework: string; readonly options: Readonly<Record<string, unknown>> };

/** In the form of `server.address()`: the path of a Unix socket, or host and port. */
export type Address = string | { readonly address: string; readonly port: number };

export type Sender = 'parent' | 'master' | 'agent' | 'app';

/** A message of the application, in the form that egg uses. */
export interface AppMessage {
  readonly action: string;
  readonly data?: unknown;
  readonly to?: Sender | 'random' | undefined;
  readonly from?: Sender | undefined;
  /** To this process only; of a thread: to the thread with this number. */
  readonly receiverPid?: string | undefined;
}

/** A message of the messenger, which waits until each receiver is ready. */
export interface Mail extends AppMessage {
  readonly trunkline: 'mail';
  /** The sender's, on the way to the master; the master's, on the way to a receiver. */
  readonly id: number;
  /** How long the sender waits for the outcome, ms; 0: the sender does not wait. */
  readonly withinMs: number;
}

/** Who has handled a message, and who has not. */
export interface Delivery {
  readonly handled: readonly Receiver[];
  readonly missed: readonly (Receiver & { readonly reason: string })[];
}

export interface Receiver {
  /** `agent`, `worker 1` … */
  readonly name: string;
  /** undefined where there was no such process. */
  readonly pid: number | undefined;
}

export type ToChild =
  | {
      readonly trunkline: 'stop';
      readonly withinMs: number;
      /** A successor already serves: take the time to end connections without losing a request. */
      readonly gently: boolean;
    }
  /** The answer to `leaving`: all earlier messages of the master have arrived. */
  | { readonly trunkline: 'farewell' }
  /** The child is to pass on the listening sockets that belong to this child alone. */
  | { readonly trunkline: 'bequeath' }
  /** A listening socket of the child before comes with the message. */
  | { readonly trunkline: 'inherit'; readonly key: string }
  /** All listening sockets of the child before have been passed on. */
  | { readonly trunkline: 'inherited' }
  /** The child occupies the slot now: inherited sockets without a user are closed. */
  | { readonly trunkline: 'installed' }
  /** The start of the application, or of a later child, is over: the child does what could wait until then. */
  | { readonly trunkline: 'started' }
  | Look
  | Mail
  /** What came of mail that this child has sent. */
  | { readonly trunkline: 'delivered'; readonly id: number; readonly action: string; readonly delivery: Delivery }
  | HandedConnection;

/** Somebody looks at the application: the child is to report its shared clients at once, and while the look lasts. */
export interface Look {
  readonly trunkline: 'look';
  readonly id: number;
  /** How long to go on reporting what changes, ms. */
  readonly forMs: number;
  /** At most one report in this time, ms. */
  readonly everyMs: number;
}

/** Comes with a socket. Each is answered once, and in order. */
export interface HandedConnection {
  readonly trunkline: 'connection';
  readonly id: number;
  /** What the master has read of the connection, base64. */
  readonly head?: string;
}

/** Whether the connection is the child's now. */
export interface HandedReply {
  readonly trunkline: 'taken' | 'refused';
  readonly id: number;
}

export type ToMaster =
  /** The program, or the framework of the program, reports readiness. */
  | { readonly trunkline: 'ready'; readonly address?: Address | undefined }
  /** A server listens. The child says so in every mode: node:cluster does not know of servers that are the child's own. */
  | { readonly trunkline: 'listening'; readonly address: Address; readonly isOwn: boolean }
  /** A listening socket that is the child's alone comes with the message, and stays open in the child. */
  | { readonly trunkline: 'legacy'; readonly key: string }
  /** All listening sockets of the child have been passed on. */
  | { readonly trunkline: 'bequeathed' }
  /** The file could not be loaded, or the exported promise was rejected; the process ends. */
  | { readonly trunkline: 'failed'; readonly reason: string }
  /** The child got SIGTERM, not from the master, who decides what follows. */
  | { readonly trunkline: 'sigterm' }
  /** The time for the stop is over: the child ends, with anything that is under way. */
  | { readonly trunkline: 'overrun' }
  /** The child accepts nothing more and is about to end. */
  | { readonly trunkline: 'leaving' }
  /** The loop turns; the message carries the health of the child. */
  | ({ readonly trunkline: 'alive' } & Health)
  | Mail
  /** Mail was handled; with `reason`: the mail was not handled, and why. */
  | { readonly trunkline: 'handled'; readonly id: number; readonly reason?: string | undefined }
  | HandedReply;

export interface Health {
  /** Resident memory of a process, used heap of a thread, bytes; undefined: not known. */
  readonly memoryBytes?: number | undefined;
  /** The longest delay of the event loop since the last report, ms; undefined: not known. */
  readonly eventLoopDelayMs?: number | undefined;
  /** A debugger may suspend the loop for any time. */
  readonly isInspected: boolean;
  /** The shared clients of the child; absent when nothing has changed. */
  readonly report?: ProcessReport | undefined;
  /** The id of the newest look that the child has heard of. */
  readonly look?: number | undefined;
}

export function isOurs(message: unknown): message is ToChild | ToMaster {
  return typeof message === 'object' && message !== null && typeof (message as { trunkline?: unknown }).trunkline === 'string';
}

/** A message of the application, or undefined for anything else. A string is both action and data, as in egg. */
export function asAppMessage(message: unknown): AppMessage | undefined {
  if (typeof message === 'string') return { action: message, data: message };
  if (typeof message !== 'object' || message === null) return undefined;
  const { action, receiverWorkerId } = message as { action?: unknown; receiverWorkerId?: string | null };
  if (typeof action !== 'string') return undefined;
  // What `receiverPid` is called by egg 4, whose own messages have both.
  return (receiverWorkerId ?? '') === ''
    ? (message as AppMessage)
    : { ...(message as AppMessage), receiverPid: receiverWorkerId! };
}

// What is said over the control socket: JSON, an object a line. A request is answered by any number of `progress` lines and a
// single `result` or `error`, all with the id of the request; `view` by one line with a view, `watch` by one after the other.

import { StringDecoder } from 'node:string_decoder';
import type { Address } from '../../supervisor/messaging/messages';
import type { HostView } from '../../host-view';
import { MAX_WORKERS } from '../../supervisor/host/options';
import type { ProcessStatus } from '../../supervisor/start-cluster';

export type Command =
  | { readonly command: 'status' | 'stop' | 'reload' | 'reopen-logs' }
  /** `process`: only the process of this name, such as `worker 2`. */
  | { readonly command: 'restart'; readonly process?: string }
  | { readonly command: 'scale'; readonly workers: number }
  /** The last value of a key: nothing else that is said here tells of values. */
  | { readonly command: 'value'; readonly channel: string; readonly port: number | undefined; readonly key: string };

/** `view`: one view of the application. `watch`: a view at once and after each change, until the connection ends. */
export interface Look {
  readonly command: 'view' | 'watch';
}

export type Request = (Command | Look) & { readonly id: number };

export type Reply =
  | { readonly id: number; readonly progress: ApplicationStatus }
  | { readonly id: number; readonly result: CommandResult }
  | { readonly id: number; readonly view: HostView }
  | { readonly id: number | null; readonly error: string };

export interface CommandResult {
  readonly status: ApplicationStatus;
  /** Something had to be killed. */
  readonly forced?: boolean;
  /** What `value` has asked for. */
  readonly value?: unknown;
}

export interface ApplicationStatus {
  readonly state: 'starting' | 'running' | 'stopping';
  readonly pid: number;
  readonly baseDir: string;
  /** The version of this package. */
  readonly version: string;
  readonly node: string;
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly clusterPort?: number | undefined;
  readonly address?: Address | undefined;
  readonly undelivered: number;
  readonly processes: readonly ProcessStatus[];
}

export function isLook(request: Request): request is Look & { readonly id: number } {
  return request.command === 'view' || request.command === 'watch';
}

/** A request is a few words. */
export const MAX_REQUEST_BYTES = 4 * 1024;
/** The status of a thousand workers, which is the maximum, each with the reason of the last end (8 KB at most). */
export const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** Who waits for the end of a command hears something at least so often, ms. */
export const SIGN_OF_LIFE_MS = 1_500;
/** A master that says nothing for this long, ms, does not answer. */
export const SILENCE_MS = 5_000;

/** Cuts what comes in into lines. */
export class LineReader {
  readonly #maxBytes: number;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns the lines that are complete now, or undefined when a line is longer than allowed */
  push(chunk: Buffer): string[] | undefined {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop()!;
    const tooLong = [...lines, this.#rest].some((line) => Buffer.byteLength(line) > this.#maxBytes);
    return tooLong ? undefined : lines.filter((line) => line.trim() !== '');
  }
}

/** @returns the request, or a sentence that says what is wrong */
export function readRequest(line: string): Request | string {
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch {
    return 'a request must be JSON';
  }
  if (typeof given !== 'object' || given === null) return 'a request must be an object';
  const { id, command, workers, process, channel, port, key } = given as Record<string, unknown>;
  if (!Number.isSafeInteger(id)) return 'a request needs an id, a whole number';
  switch (command) {
    case 'status':
    case 'stop':
    case 'reload':
    case 'reopen-logs':
    case 'view':
    case 'watch':
      return { id: id as number, command };
    case 'restart':
      if (process === undefined) return { id: id as number, command };
      return typeof process === 'string' ? { id: id as number, command, process } : 'process must be the name of a process';
    case 'scale':
      if (!Number.isInteger(workers) || (workers as number) < 1 || (workers as number) > MAX_WORKERS)
        return `workers must be a whole number from 1 to ${MAX_WORKERS}`;
      return { id: id as number, command, workers: workers as number };
    case 'value':
      if (typeof channel !== 'string' || typeof key !== 'string') return 'value needs a channel and a key';
      if (port !== undefined && !Number.isSafeInteger(port)) return 'port must be a number';
      return { id: id as number, command, channel, port: port as number | undefined, key };
    default:
      return 'the command is not known; the master may be of another version';
  }
}

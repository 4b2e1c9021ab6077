// A process of a process group, as the test sees the process: calls, messages, and what can be done to the process.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type cluster from '../index';
import { adopt, TrunklineError } from '../errors';
import { ForkedProcess } from './forked-process';
import { notClosed } from './leak-check';
import { fromSent, type FromMember, type SentError, type ToMember } from './member-messages';
import { waitFor } from './wait-for';

/* eslint-disable @typescript-eslint/no-explicit-any -- any function of a module: `unknown` would not match parameter positions */

/** How long the kit waits for a member, ms. */
export const PATIENCE_MS = 60_000;
/** How much of the newest output of a process is kept. */
const OUTPUT_CHARACTERS = 20_000;

/** What `create` gets next to the options of the client. */
export interface MemberContext<T = unknown> {
  /** 0 for the first member, 1 for the second, … */
  readonly index: number;
  /** Sends something to the test, where `messages` of the member holds what was sent. Anything that structured clone copies. */
  tell(message: T): void;
}

/** The module that runs in each process: `create` makes the shared client, and every other function is called with the client. */
export interface MemberModule {
  create(options: cluster.ClientOptions, context: MemberContext<any>): unknown;
}

type IsAny<T> = 0 extends 1 & T ? true : false;
type FunctionNames<M> = { [K in keyof M]: M[K] extends (client: any, ...args: any[]) => any ? K : never }[keyof M] & string;
/** The functions of a module that a test can call; any name where the test gives no type of the module. */
export type AskedNames<M> = IsAny<M> extends true ? string : Exclude<FunctionNames<M>, 'create' | 'default'>;
type FunctionOf<M, K> = K extends keyof M ? M[K] : never;
type ArgumentsOf<F> = IsAny<F> extends true ? any[] : F extends (client: any, ...args: infer A) => any ? A : never;
type ResultOf<F> = IsAny<F> extends true ? any : F extends (...args: any[]) => infer R ? Awaited<R> : never;
/** What the module tells. */
export type ToldBy<M extends MemberModule> =
  IsAny<M> extends true ? any : Parameters<M['create']>[1] extends MemberContext<infer T> ? T : unknown;

/** How the process of a member is forked. */
export interface MemberSettings {
  /** Whether `partition` can be used: connections between members are then led through the kit. Default false. */
  readonly partitions?: boolean | undefined;
  /** As of `fork` of node:child_process: the whole environment. Default: that of the test. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** As of `fork` of node:child_process, for example a loader for TypeScript. Default: that of the test. */
  readonly execArgv?: readonly string[] | undefined;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A process of a group. */
export class ProcessMember<M extends MemberModule> {
  /** `member 1`, `member 2`, … in the order of the start. */
  readonly name: string;
  /** What the module has told, oldest first. */
  readonly messages: ToldBy<M>[] = [];
  readonly #forked: ForkedProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #leads = false;
  /** Where other members can connect to the process. @internal */
  readonly ports = new Set<number>();
  /** Called when `ports` has changed. @internal */
  onPorts: () => void = () => undefined;
  #failure: unknown;
  #isKilled = false;
  #isFrozen = false;

  /** @internal */
  constructor(name: string, module: string, index: number, options: cluster.ClientOptions, settings: MemberSettings) {
    this.name = name;
    this.#forked = new ForkedProcess(
      entryFile(),
      [],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        serialization: 'advanced',
        ...(settings.env && { env: settings.env }),
        ...(settings.execArgv && { execArgv: [...settings.execArgv] }),
      },
      OUTPUT_CHARACTERS,
    );
    const { child, exited } = this.#forked;
    const forget = notClosed(`process ${this.pid} (${name} of a process group)`);
    child.on('message', (message) => this.#onMessage(message as FromMember));
    child.on('error', () => undefined); // a message to a process that has just ended
    void exited.then(({ code, signal }) => {
      forget();
      this.ports.clear();
      this.onPorts();
      const how = signal ?? `code ${code}`;
      this.#failure ??= this.#failed(`the process has ended with ${how}${this.#isKilled ? '' : `\n${this.output}`}`);
      for (const { reject } of this.#pending.values()) reject(this.#failure);
      this.#pending.clear();
    });
    this.#send({ is: 'task', task: { module, options, index, partitions: settings.partitions === true } });
  }

  get pid(): number {
    return this.#forked.pid;
  }

  /** What the process has written to both streams: the newest 20,000 characters. */
  get output(): string {
    return this.#forked.output;
  }

  /** Whether the process runs, or is stopped. */
  get isAlive(): boolean {
    return this.#forked.isAlive && !this.#isKilled;
  }

  /** Whether the test has stopped the process. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Whether the process held the upstream client when last heard of: some milliseconds ago, or before it was stopped. */
  get isLeader(): boolean {
    return this.isAlive && this.#leads;
  }

  /** Resolves when the client is ready. @throws (rejects) TrunklineError ERR_TRUNKLINE_GROUP_FAILED when that fails */
  async ready(): Promise<void> {
    try {
      await this.#ask((id) => ({ is: 'ready', id }));
    } catch (error) {
      if (error === this.#failure || !this.isAlive) throw error;
      throw this.#failed(`the client is not ready: ${(error as Error).message}`, error);
    }
  }

  /**
   * Calls a function of the module in the process, with the client and these arguments.
   * @throws (rejects) what the function throws, with name and own fields; ERR_TRUNKLINE_GROUP_FAILED when the process ends
   */
  call<K extends AskedNames<M>>(name: K, ...args: ArgumentsOf<FunctionOf<M, K>>): Promise<ResultOf<FunctionOf<M, K>>> {
    return this.#ask((id) => ({ is: 'call', id, name, args })) as Promise<ResultOf<FunctionOf<M, K>>>;
  }

  /**
   * The first message of the module, past or future, that matches.
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_WAIT_TIMEOUT
   */
  message(matches: (message: ToldBy<M>) => boolean, timeoutMs = PATIENCE_MS): Promise<ToldBy<M> & NonNullable<unknown>> {
    const found = async (): Promise<{ message: ToldBy<M> } | undefined> => {
      const index = this.messages.findIndex(matches);
      return Promise.resolve(index < 0 ? undefined : { message: this.messages[index]! });
    };
    return waitFor(found, { what: `${this.name} tells: ${String(matches)}`, timeoutMs }).then(({ message }) => message as never);
  }

  /** `kill -9`. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    await this.#forked.stop();
  }

  /** SIGSTOP. */
  freeze(): void {
    this.#isFrozen = true;
    this.#forked.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.#isFrozen = false;
    this.#forked.kill('SIGCONT');
  }

  /** Ports of other members that are out of reach from now on. @internal */
  setApart(ports: readonly number[]): void {
    if (this.isAlive) this.#send({ is: 'apart', ports });
  }

  #ask(message: (id: number) => ToMember): Promise<unknown> {
    if (!this.isAlive) return Promise.reject((this.#failure as Error | undefined) ?? this.#failed('the process was killed'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      try {
        this.#send(message(id));
      } catch (error) {
        this.#pending.delete(id);
        reject(this.#failed(`what is asked cannot be sent: ${(error as Error).message}`, error));
      }
    });
  }

  #send(message: ToMember): void {
    this.#forked.child.send(message, () => undefined); // a process that has ended is told of elsewhere
  }

  #onMessage(message: FromMember): void {
    switch (message.is) {
      case 'standing':
        this.#leads = message.leads;
        return;
      case 'listens':
        this.ports.add(message.port);
        this.onPorts();
        return;
      case 'told':
        this.messages.push(message.message as ToldBy<M>);
        return;
      case 'result': {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.error) pending?.reject(errorOf(message.error));
        else pending?.resolve(message.value);
      }
    }
  }

  #failed(what: string, cause?: unknown): TrunklineError {
    return new TrunklineError('ERR_TRUNKLINE_GROUP_FAILED', `${this.name} (process ${this.pid}): ${what}`, {
      pid: this.pid,
      cause,
    });
  }
}

function errorOf(error: SentError): unknown {
  return adopt(fromSent(error));
}

/** The program of a process, next to this file. */
function entryFile(): string {
  const entry = join(__dirname, 'member-entry.js');
  if (existsSync(entry)) return entry;
  throw new TrunklineError(
    'ERR_TRUNKLINE_GROUP_FAILED',
    `${entry} is missing: processGroup() cannot be in a bundle; leave trunkline/testing out of it (esbuild: --external:trunkline)`,
  );
}

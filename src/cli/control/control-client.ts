// The commands' end of the control socket.

import net from 'node:net';
import type { HostView } from '../../host-view';
import { patientTimeout, systemClock } from '../../time';
import {
  LineReader,
  MAX_REPLY_BYTES,
  SILENCE_MS,
  type ApplicationStatus,
  type Command,
  type CommandResult,
  type Look,
  type Reply,
} from './control-protocol';

/** `absent`: there is no socket; `refused`: the socket has no listener any more; `busy`: the queue of the socket is full. */
export type Unreachable = 'absent' | 'refused' | 'busy';

/** The master lives perhaps, but does not answer. */
export class NoAnswer extends Error {}

interface Pending {
  readonly id: number;
  readonly onProgress: (status: ApplicationStatus) => void;
  readonly onView: (view: HostView) => void;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: Error) => void;
}

export class ControlClient {
  readonly #socket: net.Socket;
  readonly #reader = new LineReader(MAX_REPLY_BYTES);
  readonly #silenceMs: number;
  #pending: Pending | undefined;
  #lastId = 0;

  /** Resolves when the connection is gone; a living master does not end the connection. */
  readonly closed: Promise<void>;

  private constructor(socket: net.Socket, silenceMs: number) {
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined); // followed by `close`
    socket.on('data', (chunk) => this.#onData(chunk));
    void this.closed.then(() => this.#pending?.reject(new NoAnswer('the master has ended')));
  }

  /** @throws Error when the socket is not for this user */
  static connect(path: string, silenceMs = SILENCE_MS): Promise<ControlClient | Unreachable> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(path);
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        resolve(new ControlClient(socket, silenceMs));
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') resolve('absent');
        else if (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve('refused');
        else if (error.code === 'EAGAIN') resolve('busy');
        else reject(error);
      });
    });
  }

  /**
   * A single command at a time.
   * @throws NoAnswer when nothing comes from the master for a while; Error with a reason when the master has refused
   */
  request(command: Command, onProgress: (status: ApplicationStatus) => void = () => undefined): Promise<CommandResult> {
    return this.#ask<CommandResult>(command, (resolve) => ({ resolve, onProgress, onView: () => undefined }));
  }

  /** Asks for a view of the application. @throws as `request` */
  view(): Promise<HostView> {
    return this.#ask<HostView>({ command: 'view' }, (resolve) => ({
      resolve: () => undefined,
      onProgress: () => undefined,
      onView: resolve,
    }));
  }

  /**
   * A view at once, and after each change, until `close`.
   * @throws (rejects) as `request`
   */
  watch(onView: (view: HostView) => void): Promise<never> {
    return this.#ask<never>({ command: 'watch' }, () => ({ resolve: () => undefined, onProgress: () => undefined, onView }));
  }

  async #ask<T>(
    command: Command | Look,
    answered: (resolve: (outcome: T) => void) => Omit<Pending, 'id' | 'reject'>,
  ): Promise<T> {
    const id = ++this.#lastId;
    let patience = { cancel: (): void => undefined };
    try {
      return await new Promise<T>((resolve, reject) => {
        const wait = (): void => {
          patience.cancel();
          patience = patientTimeout(systemClock, this.#silenceMs, () => reject(new NoAnswer('no answer')));
        };
        const answers = answered(resolve);
        this.#pending = {
          id,
          reject,
          ...answers,
          onProgress: (status) => {
            wait();
            answers.onProgress(status);
          },
          onView: (view) => {
            wait();
            answers.onView(view);
          },
        };
        wait();
        this.#socket.write(`${JSON.stringify({ ...command, id })}\n`);
        if (this.#socket.destroyed) reject(new NoAnswer('the master has ended'));
      });
    } finally {
      patience.cancel();
      this.#pending = undefined;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    const lines = this.#reader.push(chunk);
    try {
      if (!lines) throw new Error('a line is too long');
      for (const line of lines) this.#onReply(JSON.parse(line) as Reply);
    } catch (error) {
      this.#pending?.reject(new NoAnswer(`what answers there is no master: ${(error as Error).message}`));
      this.#socket.destroy();
    }
  }

  #onReply(reply: Reply): void {
    const pending = this.#pending;
    if (!pending || (reply.id !== null && reply.id !== pending.id)) return;
    if ('progress' in reply) pending.onProgress(reply.progress);
    else if ('view' in reply) pending.onView(reply.view);
    else if ('result' in reply) pending.resolve(reply.result);
    else pending.reject(new Error(reply.error));
  }
}

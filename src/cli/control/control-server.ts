// The master's end of the control socket. Never keeps the process alive, except while an answer is owed.

import net from 'node:net';
import type { HostViewSource } from '../../host-view';
import { delay, systemClock } from '../../time';
import {
  isLook,
  LineReader,
  MAX_REQUEST_BYTES,
  readRequest,
  SIGN_OF_LIFE_MS,
  type ApplicationStatus,
  type Command,
  type CommandResult,
  type Look,
  type Reply,
} from './control-protocol';

/** What can be controlled. */
export interface Controlled {
  readonly status: ApplicationStatus;
  /** @throws Error with a sentence for the user */
  run(command: Command): Promise<CommandResult>;
  /** @throws Error with a sentence for the user while the application is starting */
  readonly source: HostViewSource;
}

/** More connections at a time than any set of terminals and monitors has. */
const MAX_CONNECTIONS = 32;
/** How many requests of a connection may be unanswered at a time. */
const MAX_PENDING = 8;
/** A connection that asks nothing for this long, ms, is closed. */
const IDLE_MS = 30_000;
/** A view of this many bytes is followed by a pause of 1 ms at least: large views take no more than a few percent of a CPU. */
const VIEW_BYTES_PER_MS = 4_000;
/** How often a command under way is looked at, ms. */
const LOOK_MS = 100;

export class ControlServer {
  readonly #server: net.Server;

  constructor(controlled: Controlled) {
    // Half open, which `echo … | nc -U` needs to get an answer.
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => serve(socket, controlled));
    this.#server.maxConnections = MAX_CONNECTIONS;
    // A connection that cannot be accepted, because no descriptor is left, is ignored: the command reports that nobody answers.
    this.#server.on('error', () => undefined);
    this.#server.unref();
  }

  /** The socket is this user's only, from the first moment on. @throws Error why the server cannot listen */
  async listen(path: string): Promise<void> {
    const before = process.umask(0o177);
    try {
      this.#server.listen(path); // binds before returning
    } finally {
      process.umask(before);
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('listening', resolve);
      this.#server.once('error', reject);
    });
  }

  close(): void {
    this.#server.close();
  }
}

function serve(socket: net.Socket, controlled: Controlled): void {
  const reader = new LineReader(MAX_REQUEST_BYTES);
  let pending = 0;
  let isEnded = false;
  const send = (reply: Reply): void => {
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
  };
  const run = async (id: number, command: Command): Promise<void> => {
    pending++;
    socket.ref();
    const stop = reportProgress(controlled, (progress) => {
      if (socket.writableLength === 0) send({ id, progress }); // a client that does not read misses some progress
    });
    try {
      const result = await controlled.run(command);
      send({ id, result });
    } catch (error) {
      send({ id, error: (error as Error).message });
    } finally {
      stop();
      pending--;
      if (pending === 0) socket.unref();
      if (pending === 0 && isEnded) socket.end();
    }
  };
  const onLine = (line: string): void => {
    const request = readRequest(line);
    if (typeof request === 'string') send({ id: null, error: request });
    else if (pending >= MAX_PENDING) send({ id: request.id, error: 'too many commands at a time' });
    else if (request.command === 'status') send({ id: request.id, result: { status: controlled.status } });
    else if (isLook(request)) void show(request.id, request.command);
    else void run(request.id, request);
  };
  /** A watch ends with the connection, and does not keep the process alive. */
  const show = async (id: number, command: Look['command']): Promise<void> => {
    pending++;
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    try {
      if (command === 'view') send({ id, view: await controlled.source.read() });
      else
        for await (const view of controlled.source.watch(gone.signal)) {
          // A client that does not read misses some views.
          if (socket.writableLength === 0) send({ id, view });
          await delay(systemClock, socket.writableLength / VIEW_BYTES_PER_MS, gone.signal, false);
        }
    } catch (error) {
      send({ id, error: (error as Error).message });
    } finally {
      pending--;
      if (pending === 0 && isEnded) socket.end();
    }
  };
  socket.unref();
  socket.on('error', () => undefined); // the other side has gone away; the command goes on
  socket.setTimeout(IDLE_MS, () => {
    if (pending === 0) socket.destroy();
  });
  socket.on('data', (chunk) => {
    const lines = reader.push(chunk);
    if (lines) lines.forEach(onLine);
    else {
      send({ id: null, error: `a request may have ${MAX_REQUEST_BYTES} bytes` });
      socket.destroySoon();
    }
  });
  socket.on('end', () => {
    isEnded = true;
    if (pending === 0) socket.end();
  });
}

/** Reports each change, and from time to time that nothing has changed. @returns ends the reports */
function reportProgress(controlled: Controlled, tell: (status: ApplicationStatus) => void): () => void {
  let toldAt = -Infinity;
  let told = '';
  const look = (): void => {
    const { status } = controlled;
    const now = JSON.stringify(status.processes.map(({ name, pid, state }) => [name, pid, state]));
    if (now === told && performance.now() - toldAt < SIGN_OF_LIFE_MS) return;
    told = now;
    toldAt = performance.now();
    tell(status);
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}

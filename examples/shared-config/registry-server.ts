// A small registry server, run as a separate process. Keeps settings in a file, pushes changes to clients that watch a key, and
// counts client connections: the number that this example is about.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Setting } from './config-client';
import { receiveLines, sendLine, type Request } from './registry-protocol';

/** What the server tells the parent process. */
export type RegistryReport =
  { readonly type: 'listening'; readonly port: number } | { readonly type: 'connections'; readonly count: number };

class RegistryServer {
  readonly #file: string;
  readonly #settings: Map<string, Setting>;
  readonly #connections = new Map<Socket, Set<string>>();
  readonly #server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));

  constructor(file: string) {
    this.#file = file;
    const stored = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Setting[]) : [];
    this.#settings = new Map(stored.map((setting) => [setting.key, setting]));
  }

  start(): void {
    this.#server.listen(0, '127.0.0.1', () => {
      report({ type: 'listening', port: (this.#server.address() as AddressInfo).port });
    });
  }

  #accept(socket: Socket): void {
    this.#connections.set(socket, new Set());
    report({ type: 'connections', count: this.#connections.size });
    receiveLines<Request>(socket, (request) => this.#onRequest(socket, request));
    socket.on('error', (error) => console.error(`a client was disconnected: ${error.message}`));
    socket.once('close', () => {
      this.#connections.delete(socket);
      report({ type: 'connections', count: this.#connections.size });
    });
  }

  #onRequest(socket: Socket, request: Request): void {
    const { key } = request;
    const watched = this.#connections.get(socket);
    switch (request.op) {
      case 'watch': {
        watched?.add(key);
        const setting = this.#settings.get(key);
        if (setting) sendLine(socket, { type: 'changed', setting });
        break;
      }
      case 'unwatch':
        watched?.delete(key);
        break;
      case 'get':
        sendLine(socket, { type: 'answer', id: request.id, setting: this.#settings.get(key) });
        break;
      case 'set':
        this.#onSet(socket, request);
    }
  }

  #onSet(socket: Socket, { id, key, value }: Request & { op: 'set' }): void {
    try {
      sendLine(socket, { type: 'answer', id, setting: this.#set(key, value) });
    } catch (error) {
      sendLine(socket, { type: 'failure', id, reason: `${key} was not stored: ${(error as Error).message}` });
    }
  }

  #set(key: string, value: string): Setting {
    const setting = { key, value, version: 1 + Math.max(0, ...this.#versions()) };
    this.#save(new Map(this.#settings).set(key, setting));
    this.#settings.set(key, setting); // once the setting is on disk
    for (const [socket, watched] of this.#connections) if (watched.has(key)) sendLine(socket, { type: 'changed', setting });
    return setting;
  }

  #versions(): number[] {
    return [...this.#settings.values()].map(({ version }) => version);
  }

  /** A reader of the file sees all of the old state or all of the new state. */
  #save(settings: ReadonlyMap<string, Setting>): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify([...settings.values()], undefined, 2));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function report(message: RegistryReport): void {
  if (process.connected) process.send?.(message);
}

const [folder = '.'] = process.argv.slice(2);
process.once('disconnect', () => process.exit()); // the demo is over
new RegistryServer(join(folder, 'settings.json')).start();

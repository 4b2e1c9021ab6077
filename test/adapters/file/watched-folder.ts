// A folder of the test and a client of its files, with everything that a watch of the client has heard.

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FileClient } from '../../../src/adapters/file';
import type { StoredEntry, StoreHealth } from '../../../src/adapters/registry';

export class WatchedFolder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-file-')));
  readonly #clients: FileClient[] = [];

  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes files before a client looks. */
  holding(files: Record<string, string>): this {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.at(name)), { recursive: true });
      writeFileSync(this.at(name), text);
    }
    return this;
  }

  /** @param name of a file or folder in the folder; default: the folder itself */
  client(name = ''): FileClient {
    const client = new FileClient({ path: this.at(name) });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    rmSync(this.path, { recursive: true, force: true });
  }

  get names(): string[] {
    return readdirSync(this.path).sort();
  }
}

export const textOf = (entry: StoredEntry | null | undefined): string | undefined =>
  entry ? Buffer.from(entry.bytes).toString() : undefined;

/** What a watch of a key hears: texts, undefined for a key that does not exist. */
export class Heard {
  readonly texts: (string | undefined)[] = [];
  readonly versions: number[] = [];

  static async of(client: FileClient, key: string): Promise<Heard> {
    const heard = new Heard();
    await client.subscribe({ key }, (state) => {
      const entry = state as StoredEntry | null;
      heard.texts.push(textOf(entry));
      if (entry) heard.versions.push(entry.version);
    });
    return heard;
  }

  get last(): string | undefined {
    return this.texts.at(-1);
  }
}

export function codeOf({ error }: StoreHealth): string | undefined {
  return (error as (Error & { code?: string }) | undefined)?.code;
}

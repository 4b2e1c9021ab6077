// The test's view of another process that shares a store (fixture store-member.ts).

import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Service } from '../../../src/adapters/face';
import { Child } from '../../support/child';
import type { AloneSetup } from '../../fixtures/store-alone';
import type { StoreMemberSetup } from '../../fixtures/store-member';

export class StoreMember extends Child {
  constructor(setup: StoreMemberSetup) {
    super('store-member', { STORE: JSON.stringify(setup) });
  }

  async ready(): Promise<void> {
    await this.message('ready', ({ type }) => type === 'ready');
  }

  register(service: Service): void {
    this.send({ type: 'register', service });
  }
}

/** A process without a line to the test, which would keep it alive (fixture store-alone.ts). */
export class AloneProcess {
  readonly #child: ChildProcess;

  constructor(setup: AloneSetup) {
    const fixture = join(__dirname, '../../../dist/test/fixtures/store-alone.js');
    const env = { ...process.env, STORE: JSON.stringify(setup) };
    this.#child = spawn(process.execPath, [fixture], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** @returns the lines that the process has printed until its end */
  async end(): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of createInterface({ input: this.#child.stdout! })) lines.push(line);
    return lines;
  }
}

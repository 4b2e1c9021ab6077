// The registry server of this example, in a separate process and a temporary folder.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegistryReport } from '../registry-server';
import type { Changes } from './changes';
import type { ConfigServer } from './config-server';
import { Failure } from './failure';
import { Program } from './program';

export class EmbeddedRegistry implements ConfigServer {
  readonly name = 'registry server';
  readonly unit = 'upstream connections';
  readonly countedBy = 'the registry server';
  readonly #changes: Changes;
  #url = '';
  #connections = 0;
  #folder: string | undefined;
  #program: Program<never, RegistryReport> | undefined;
  #isStopping = false;

  constructor(changes: Changes) {
    this.#changes = changes;
  }

  get url(): string {
    return this.#url;
  }

  get connections(): number {
    return this.#connections;
  }

  async start(): Promise<void> {
    try {
      this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-registry-'));
    } catch (error) {
      throw new Failure(`no temporary folder for the registry server: ${(error as Error).message}`);
    }
    this.#program = new Program(
      require.resolve('../registry-server'),
      { args: [this.#folder] },
      { onReport: (report) => this.#onReport(report), onExit: (how) => this.#onExit(how) },
    );
    await this.#changes.until('the registry server', () => this.#url !== '');
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#program?.stop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #onReport(report: RegistryReport): void {
    if (report.type === 'listening') this.#url = `tcp://127.0.0.1:${report.port}`;
    else this.#connections = report.count;
    this.#changes.notify();
  }

  #onExit(how: string): void {
    if (!this.#isStopping) this.#changes.fail(`the registry server ${how}`);
  }
}

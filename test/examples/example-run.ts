// Runs a compiled example as a user does, with pipes instead of a terminal, and finds out what the example leaves behind.

import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';

const EXAMPLES = join(__dirname, '../../dist/examples');
/** Every process that the example starts inherits this variable. */
const MARK = 'TRUNKLINE_TEST_MARK';

export class ExampleRun {
  /** The output so far, standard output and error. */
  output = '';
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #mark = randomUUID();
  readonly #folder = mkdtempSync(join(tmpdir(), 'trunkline-example-test-'));

  constructor(example: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [join(EXAMPLES, example), ...args], {
      env: { ...process.env, ETCD_URL: '', TMPDIR: this.#folder, [MARK]: this.#mark, ...env },
      stdio: 'pipe',
    });
    this.#closed = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Resolves with the match once the output contains the pattern. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await eventually(`the output shows ${pattern}`, () => pattern.exec(this.output));
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.output}`, { cause: error });
    }
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the name of the signal. */
  async end(): Promise<number | string | null> {
    await this.#closed;
    await eventually('the output is complete', () => this.#child.stdout?.readableEnded);
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  /** Command lines of the processes that still run. */
  processes(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => read(`/proc/${pid}/environ`).includes(`${MARK}=${this.#mark}`))
      .map((pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '));
  }

  temporaryFiles(): string[] {
    // The secret of the user is for the next time.
    return readdirSync(this.#folder).filter((name) => name !== `trunkline-${process.geteuid!()}`);
  }

  async dispose(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Processes come and go during the listing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

// The program `trunkline` for tests: real commands in a folder of the test, of which no process and no file is left.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExitStatus } from '../../src/testing/forked-process';
import { eventually } from './eventually';
import { freePort } from './ports';
import { isAlive } from './processes';

export const ROOT = join(__dirname, __dirname.includes('/dist/') ? '../../..' : '../..');
export const PROGRAM = join(ROOT, 'dist/package/cli/main.js');
export const APP = join(ROOT, 'dist/test/fixtures/supervised/app.js');
export const AGENT = join(ROOT, 'dist/test/fixtures/supervised/agent.js');
export type Environment = Record<string, string | undefined>;

export interface Status {
  readonly pid: number;
  readonly state: string;
  readonly clusterPort: number;
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly state: string }[];
}

/** A command under way. */
export class Run {
  stdout = '';
  stderr = '';
  readonly process: ChildProcess;
  readonly exited: Promise<ExitStatus>;

  constructor(args: readonly string[], env: Environment = {}) {
    this.process = spawn(process.execPath, [PROGRAM, ...args], {
      cwd: folder,
      env: { ...process.env, XDG_RUNTIME_DIR: folder, PORT: String(port), NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.process.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    // Processes that a daemon leaves behind keep the pipes open: the exit of the command counts, then the output.
    this.exited = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => setImmediate(resolve, { code, signal }));
    });
    runs.push(this);
  }

  async says(text: string): Promise<void> {
    await eventually(`"${text}" in: ${this.stdout}${this.stderr}`, () => (this.stdout + this.stderr).includes(text));
  }
}

export let folder: string;
export let port: number;
let runs: Run[] = [];
/** Processes of which none may be left. */
export const known = new Set<number>();

/** Registers that each test of the calling file has a folder and a port, and leaves no process. Call this function at the top. */
export function inFolderOfItsOwn(): void {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trunkline-cli-'));
    port = await freePort();
  });

  afterEach(async () => {
    const masters = [...stateFiles('.pid').map(pidIn), ...runs.map((run) => run.process.pid)].filter((pid) => pid !== undefined);
    for (const pid of masters) {
      known.add(pid);
      for (const signal of ['SIGKILL', 'SIGCONT'] as const) if (isAlive(pid)) process.kill(pid, signal);
    }
    runs = [];
    await eventually('an end of all processes', () => ![...known].some(isAlive));
    known.clear();
    rmSync(folder, { recursive: true, force: true });
  });
}

/** Files of the applications in the folder of this test. */
export function stateFiles(ending: string): string[] {
  const state = join(folder, 'trunkline');
  if (!existsSync(state)) return [];
  return readdirSync(state)
    .filter((each) => each.endsWith(ending))
    .map((each) => join(state, each));
}

/** The file of the only application. */
export function stateFile(ending: string): string | undefined {
  return stateFiles(ending)[0];
}

export function pidIn(file: string): number {
  return Number(readFileSync(file, 'utf8'));
}

export function masterPid(): number | undefined {
  const file = stateFile('.pid');
  return file === undefined ? undefined : pidIn(file);
}

export async function trunkline(args: readonly string[], env: Environment = {}): Promise<Run & { code: number | null }> {
  const run = new Run(args, env);
  const { code } = await run.exited;
  return Object.assign(run, { code });
}

export async function done(args: readonly string[], env?: Environment): Promise<Run> {
  const run = await trunkline(args, env);
  if (run.code !== 0) throw new Error(`trunkline ${args.join(' ')}: ${run.code}\n${run.stdout}${run.stderr}`);
  return run;
}

export const START = ['start', APP, '--agent', AGENT, '--workers', '2'];

export async function startDaemon(args: readonly string[] = [], env?: Environment): Promise<Status> {
  await done([...START, '--daemon', ...args], env);
  return await status();
}

export async function status(args: readonly string[] = []): Promise<Status> {
  const { stdout } = await done(['status', '--json', ...args]);
  const found = JSON.parse(stdout) as Status;
  for (const { pid } of [found, ...found.processes]) if (pid) known.add(pid);
  return found;
}

export const pids = ({ processes }: Status) => processes.map(({ pid }) => pid);
export const workersOf = ({ processes }: Status) => processes.filter(({ name }) => name !== 'agent').map(({ pid }) => pid);

export function get(path: string, at = port): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port: at, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve(body));
    });
    request.on('error', reject);
  });
}

// What the demo knows of a worker, from the reports of the worker.

import type { Setting } from '../config-client';
import type { Order, Report } from '../worker';
import type { Changes } from './changes';
import { Failure } from './failure';
import { Program } from './program';

export type WorkerState = 'starting' | 'leader' | 'follower' | 'killed' | 'gone';

type Question = { type: 'get'; key: string } | { type: 'set'; key: string; value: string };
type Answer = Extract<Report, { type: 'answer' }>;

export class WorkerHandle {
  readonly #changes: Changes;
  readonly #program: Program<Order, Report>;
  readonly #seen = new Map<string, Setting>();
  /** Under which leader the newest value of each key came. */
  readonly #terms = new Map<string, number>();
  readonly #answers = new Map<number, Answer>();
  #lastId = 0;
  #state: WorkerState = 'starting';
  #latest: Setting | undefined;
  #hasSeenOlder = false;

  constructor(changes: Changes, options: { args: string[]; env: NodeJS.ProcessEnv }) {
    this.#changes = changes;
    this.#program = new Program(require.resolve('../worker'), options, {
      onReport: (report) => this.#onReport(report),
      onExit: (how) => this.#onExit(how),
    });
  }

  get pid(): number {
    return this.#program.pid;
  }

  get state(): WorkerState {
    return this.#state;
  }

  get isRunning(): boolean {
    return this.#state !== 'killed' && this.#state !== 'gone';
  }

  /** The newest value of any key. */
  get latest(): Setting | undefined {
    return this.#latest;
  }

  /** Whether an older value has ever come after a newer value of the same key. */
  get hasSeenOlder(): boolean {
    return this.#hasSeenOlder;
  }

  seen(key: string): Setting | undefined {
    return this.#seen.get(key);
  }

  /** Counts the leaders: which of them brought the newest value of the key; 0: there is no value. */
  seenTerm(key: string): number {
    return this.#terms.get(key) ?? 0;
  }

  watch(key: string): void {
    this.#program.send({ type: 'watch', key });
  }

  async get(key: string): Promise<Setting | undefined> {
    return this.#ask({ type: 'get', key });
  }

  /** Changes a value through the shared client of this worker. */
  async set(key: string, value: string): Promise<Setting> {
    return (await this.#ask({ type: 'set', key, value }))!;
  }

  kill(): void {
    this.#state = 'killed';
    this.#program.kill();
    this.#changes.notify();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }

  async #ask(question: Question): Promise<Setting | undefined> {
    const id = ++this.#lastId;
    this.#program.send({ ...question, id });
    await this.#changes.until(
      `the answer to ${question.type} of worker ${this.pid}`,
      () => this.#answers.has(id) || !this.isRunning,
    );
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    if (!answer) throw new Failure(`worker ${this.pid} died during ${question.type} ${question.key}`);
    if (answer.error !== undefined) throw new Failure(`worker ${this.pid}: ${question.type} ${question.key}: ${answer.error}`);
    return answer.setting;
  }

  #onReport(report: Report): void {
    if (!this.isRunning) return;
    switch (report.type) {
      case 'ready':
        this.#state = report.isLeader ? 'leader' : 'follower';
        break;
      case 'seen':
        this.#state = report.isLeader ? 'leader' : 'follower';
        this.#see(report.setting, report.term);
        break;
      case 'answer':
        this.#answers.set(report.id, report);
        break;
      case 'failed':
        this.#changes.fail(`worker ${this.pid} failed: ${report.message}`);
    }
    this.#changes.notify();
  }

  #see(setting: Setting, term: number): void {
    this.#terms.set(setting.key, term);
    if (setting.version < (this.#seen.get(setting.key)?.version ?? 0)) this.#hasSeenOlder = true;
    this.#seen.set(setting.key, setting);
    if (setting.version >= (this.#latest?.version ?? 0)) this.#latest = setting;
  }

  #onExit(how: string): void {
    if (this.#state === 'killed') return;
    this.#state = 'gone';
    this.#changes.fail(`worker ${this.pid} ${how}`);
    this.#changes.notify();
  }
}

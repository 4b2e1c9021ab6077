// The commands of --watch: reads lines, tells the fleet, and shows the outcome.

import { createInterface, type Interface } from 'node:readline';
import type { Changes } from './changes';
import { Failure } from './failure';
import type { Fleet } from './fleet';
import type { Screen } from './screen';

const COMMANDS = 'set KEY VALUE, kill, quit';

export class Keyboard {
  readonly #changes: Changes;
  readonly #fleet: Fleet;
  readonly #screen: Screen;
  /** Commands run in sequence. */
  #previous = Promise.resolve();
  #isOver = false;

  constructor(changes: Changes, fleet: Fleet, screen: Screen) {
    this.#changes = changes;
    this.#fleet = fleet;
    this.#screen = screen;
  }

  /** Resolves when the user has had enough. */
  async obey(): Promise<void> {
    this.#screen.say(`Type ${COMMANDS}.`);
    const lines = this.#open();
    try {
      await this.#changes.until('quit', () => this.#isOver);
    } finally {
      this.#screen.detach();
      lines.close();
    }
  }

  #open(): Interface {
    const isTerminal = this.#screen.isTerminal && process.stdin.isTTY;
    const lines = createInterface({ input: process.stdin, ...(isTerminal && { output: process.stdout, prompt: '> ' }) });
    if (isTerminal) {
      this.#screen.attach({ draw: () => lines.prompt(true) });
      lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
      lines.on('close', () => this.#end()); // Ctrl-D
    }
    lines.on('line', (line) => {
      if (isTerminal) this.#screen.onEnter();
      this.#previous = this.#previous
        .then(() => this.#obey(line.trim()))
        .catch((error: Error) => {
          this.#screen.say(error instanceof Failure ? error.message : String(error.stack), 'bad');
        });
    });
    return lines;
  }

  async #obey(line: string): Promise<void> {
    const [command, key, value] = /^(\S+)(?:\s+(\S+)\s+(.+))?$/.exec(line)?.slice(1) ?? [];
    if (command === 'set' && key !== undefined && value !== undefined) await this.#set(key, value);
    else if (line === 'kill') this.#killLeader();
    else if (line === 'quit') this.#end();
    else this.#screen.say(line === '' ? '' : `Not understood: ${line}. Type ${COMMANDS}.`);
  }

  async #set(key: string, value: string): Promise<void> {
    const { running, leader, followers } = this.#fleet;
    for (const worker of running) if (!worker.seen(key)) worker.watch(key);
    const writer = followers[0] ?? leader;
    if (!writer) throw new Failure('There is no leader at the moment; try again.');
    const startedAt = performance.now();
    const { version } = await writer.set(key, value);
    await this.#changes.until('the change', () =>
      this.#fleet.running.every((worker) => (worker.seen(key)?.version ?? 0) >= version),
    );
    const tookMs = Math.round(performance.now() - startedAt);
    this.#screen.say(`${writer.pid} set ${key} = ${value}: version ${version} is everywhere after ${tookMs} ms`, 'good');
  }

  #killLeader(): void {
    const { leader } = this.#fleet;
    if (!leader) throw new Failure('There is no leader at the moment; try again.');
    this.#screen.say(`SIGKILL to leader ${leader.pid}`);
    leader.kill();
    if (this.#fleet.running.length > 0) return;
    this.#screen.say('Nobody is left.');
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#changes.notify();
  }
}

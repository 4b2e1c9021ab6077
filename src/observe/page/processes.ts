// The table of processes: what each does, costs, and how it has ended before.

import type { ProcessView } from '../../host-view';
import { formatBytes, formatDuration, formatRate } from '../../quantities';
import { button, card, Children, el, say, set, type Part } from './elements';
import type { Model } from './model';
import { isFine, isLooping, roleText } from '../../view/host-summary';

const COLUMNS = ['Name', 'State', 'Role', 'Calls/s', 'Values/s', 'Memory', 'Loop delay', 'Restarts', 'Ready for'] as const;
const NUMBERS: ReadonlySet<string> = new Set(['Calls/s', 'Values/s', 'Memory', 'Loop delay', 'Restarts', 'Ready for']);
/** A delay of the event loop above this, ms, is noticed by those who wait. */
const SLOW_LOOP_MS = 100;

export class Processes {
  readonly element: HTMLElement;
  readonly #count = el('span', { class: 'count' });
  readonly #actionHead = el('th', { scope: 'col' }, el('span', { class: 'sr-only' }, 'Action'));
  readonly #rows: Children<ProcessView>;
  readonly #empty = el('p', { class: 'empty' }, 'No process has told of itself yet.');
  #model: Model | undefined;
  #canAct = false;
  #isLost = false;

  /** @param restart asks for the restart of a process */
  constructor(restart: (process: ProcessView) => void) {
    const body = el('tbody');
    const head = el(
      'tr',
      {},
      ...COLUMNS.map((name) => el('th', { scope: 'col', class: NUMBERS.has(name) ? 'number' : undefined }, name)),
    );
    head.append(this.#actionHead);
    const table = el('table', { class: 'cards' }, el('thead', {}, head), body);
    const scroll = el(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': 'processes-title' },
      table,
      this.#empty,
    );
    const { box, head: title } = card('Processes', 'processes', scroll);
    title.append(this.#count);
    this.element = box;
    this.#rows = new Children(
      body,
      ({ name, pid }) => (name === 'process' ? `pid ${pid}` : name),
      (process) => this.#row(process, restart),
    );
  }

  show(model: Model, canAct: boolean, isLost: boolean): void {
    this.#model = model;
    this.#isLost = isLost;
    this.#canAct = canAct;
    this.#actionHead.hidden = !canAct;
    const processes = model.view?.processes ?? [];
    say(this.#count, processes.length === 1 ? '1 process' : `${processes.length} processes`);
    this.#empty.hidden = processes.length > 0;
    this.#rows.show(processes);
  }

  #row(first: ProcessView, restart: (process: ProcessView) => void): Part<ProcessView> {
    let now = first;
    const name = el('span', { class: 'name' });
    const pid = el('span', { class: 'minor' });
    const state = el('span');
    const end = el('span', { class: 'end' });
    const cells = new Map(
      COLUMNS.slice(2).map((column) => [
        column,
        el('td', { 'data-label': column, class: NUMBERS.has(column) ? 'number' : undefined }),
      ]),
    );
    const act = button('Restart', () => restart(now), { class: 'quiet' });
    const action = el('td', { class: 'action' }, act);
    const element = el(
      'tr',
      {},
      el('th', { scope: 'row' }, name, ' ', pid),
      el('td', { 'data-label': 'State' }, state, ' ', end),
      ...cells.values(),
      action,
    );
    return {
      element,
      update: (process) => {
        now = process;
        const rate = this.#model!.rateOfProcess(process.pid);
        say(name, process.name);
        say(pid, process.pid === undefined ? '' : String(process.pid));
        say(state, process.state.toLowerCase().replace('_', ' '));
        set(state, { class: `state ${toneOf(process.state)}` });
        say(end, process.lastEnd === undefined ? '' : `last: ${process.lastEnd.split('\n', 1)[0]}`);
        set(end, { title: process.lastEnd });
        const texts: Record<string, string> = {
          Role: roleText(process),
          'Calls/s': formatRate(rate.callsPerS),
          'Values/s': formatRate(rate.valuesPerS),
          Memory: process.memoryBytes === undefined ? '–' : formatBytes(process.memoryBytes),
          'Loop delay': process.eventLoopDelayMs === undefined ? '–' : `${Math.round(process.eventLoopDelayMs)} ms`,
          Restarts: String(process.restarts),
          'Ready for': process.readyForMs === undefined ? '–' : formatDuration(process.readyForMs),
        };
        for (const [column, cell] of cells) say(cell, texts[column]!);
        cells.get('Loop delay')!.classList.toggle('warn', (process.eventLoopDelayMs ?? 0) > SLOW_LOOP_MS);
        cells.get('Restarts')!.classList.toggle('warn', process.restarts > 0);
        action.hidden = !this.#canAct;
        act.hidden = process.name === 'master';
        act.disabled = this.#isLost;
        set(act, { 'aria-label': `Restart ${process.name}` });
      },
    };
  }
}

function toneOf(state: string): string {
  if (isFine(state)) return 'good';
  if (isLooping(state)) return 'bad';
  return state === 'stopped' || state === 'stopping' ? 'muted' : 'warn';
}

// The head of the page: which application on which host, whether what one sees is live, and the actions.

import type { ApplicationView, HostView } from '../../host-view';
import { formatDuration } from '../../quantities';
import { button, el, say, set } from './elements';
import type { Model } from './model';
import { shortened } from './topology';

export interface BarEvents {
  onReload(): void;
  onScale(workers: number): void;
  onHelp(): void;
}

export class Bar {
  readonly #name = el('h1');
  readonly #facts = el('p', { class: 'minor' });
  readonly #pulse = el('span', { class: 'pulse waiting' }, 'connecting');
  readonly #actions = el('div', { class: 'actions', role: 'group', 'aria-label': 'Actions' });
  readonly #workers = el('output', { 'aria-label': 'Workers' });
  #count = 0;

  constructor(header: HTMLElement, events: BarEvents) {
    this.#actions.append(
      el(
        'span',
        { class: 'stepper' },
        button('−', () => events.onScale(this.#count - 1), { 'aria-label': 'One worker fewer', title: 'One worker fewer' }),
        this.#workers,
        button('+', () => events.onScale(this.#count + 1), { 'aria-label': 'One worker more', title: 'One worker more' }),
      ),
      button('Reload', () => events.onReload(), { class: 'primary' }),
    );
    this.#actions.hidden = true;
    const mark = el('img', { src: 'icon.svg', alt: '', width: 32, height: 32 });
    const help = button('?', () => events.onHelp(), { class: 'round', 'aria-label': 'Keyboard', title: 'Keyboard' });
    header.append(mark, el('div', { class: 'title' }, this.#name, this.#facts), this.#pulse, this.#actions, help);
    say(this.#name, 'trunkline');
  }

  show({ view }: Model, isLost: boolean, canAct: boolean): void {
    if (isLost) this.#say('lost', 'no data');
    else if (view) this.#say('live', 'live');
    if (!view) return;
    const { application } = view;
    const name = application ? nameOf(application.baseDir) : `cluster port ${view.channels[0]?.port ?? ''}`.trim();
    say(this.#name, shortened(name, 40));
    set(this.#name, { title: application?.baseDir });
    say(this.#facts, factsOf(view));
    this.#count = view.processes.filter((each) => each.name.startsWith('worker')).length;
    say(this.#workers, this.#count === 1 ? '1 worker' : `${this.#count} workers`);
    this.#actions.hidden = !canAct || !application;
    for (const each of this.#actions.querySelectorAll('button')) each.disabled = isLost || application?.state !== 'running';
    if (this.#count <= 1) this.#actions.querySelector('button')!.disabled = true;
    document.title = `${isLost ? '✕ ' : ''}${name} – trunkline`;
  }

  #say(state: string, text: string): void {
    set(this.#pulse, { class: `pulse ${state}` });
    say(this.#pulse, text);
  }
}

function factsOf({ host, application, at }: HostView): string {
  if (!application) return `on ${host} · processes without a supervisor`;
  const { address, clusterPort } = application;
  return [
    `on ${host}`,
    stateText(application, at),
    ...(address === undefined ? [] : [`listens on ${shortened(address, 40)}`]),
    ...(clusterPort === undefined ? [] : [`cluster port ${clusterPort}`]),
  ].join(' · ');
}

function stateText({ state, startedAt }: ApplicationView, at: number): string {
  return `${state} for ${formatDuration(Math.max(0, at - startedAt))}`;
}

function nameOf(baseDir: string): string {
  return baseDir.split(/[/\\]/).filter(Boolean).at(-1) ?? baseDir;
}

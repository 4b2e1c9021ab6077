// What happened lately, the newest first.

import { clockText } from './clock-text';
import type { HostEvent } from '../../host-view';
import { formatDuration, formatLatency } from '../../quantities';
import { card, Children, el, say } from './elements';
import type { Model } from './model';

const TONE: Readonly<Record<HostEvent['kind'], string>> = {
  start: 'muted',
  ready: 'good',
  failover: 'bad',
  handoff: 'calm',
  reload: 'calm',
  replace: 'calm',
  scale: 'calm',
  crash: 'bad',
  'crash loop': 'bad',
  upstream: 'warn',
  stop: 'muted',
};

export class Timeline {
  readonly element: HTMLElement;
  readonly #empty = el('p', { class: 'empty' }, 'Nothing has happened yet. Starts, failovers, reloads and crashes stand here.');
  readonly #items: Children<HostEvent>;
  #now = 0;

  constructor() {
    const list = el('ol', { class: 'events' });
    const scroll = el(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': 'timeline-title' },
      list,
      this.#empty,
    );
    this.element = card('Time line', 'timeline', scroll).box;
    this.#items = new Children(
      list,
      ({ id, at }) => `${id} ${at}`,
      (event) => this.#item(event),
    );
  }

  show(model: Model): void {
    this.#now = model.now;
    const events = [...(model.view?.events ?? [])].reverse();
    this.#empty.hidden = events.length > 0;
    this.#items.show(events);
  }

  #item({ at, kind, subject, pid, text, durationMs }: HostEvent): { element: Element; update(): void } {
    const ago = el('span', { class: 'minor' });
    const facts = [...(pid === undefined ? [] : [`pid ${pid}`]), ...(!durationMs ? [] : [`took ${formatLatency(durationMs)}`])];
    const time = el('time', { datetime: new Date(at).toISOString(), title: new Date(at).toLocaleString('en-GB') }, clockText(at));
    const element = el(
      'li',
      { class: TONE[kind] ?? 'muted' },
      el('div', { class: 'event-head' }, el('span', { class: 'kind' }, kind), el('b', {}, subject), time),
      el('p', {}, text),
      el('p', { class: 'minor' }, facts.length === 0 ? '' : `${facts.join(' · ')} · `, ago),
    );
    return { element, update: () => say(ago, `${formatDuration(Math.max(0, this.#now - at))} ago`) };
  }
}

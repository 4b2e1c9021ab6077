// The figures that are looked at first.

import { connectionsOf, isFine, isLooping } from '../../view/host-summary';
import { formatBytes, formatCount, formatLatency, formatRate, plural } from '../../quantities';
import { el, say, set } from './elements';
import type { Model } from './model';

interface Figure {
  readonly value: string;
  readonly note: string;
  readonly tone?: 'good' | 'warn' | 'bad' | undefined;
}

const FIGURES: readonly { title: string; of: (model: Model) => Figure }[] = [
  { title: 'Processes ready', of: processes },
  { title: 'Upstream connections', of: connections },
  {
    title: 'Calls',
    of: ({ sample }) => ({
      value: `${formatRate(sample?.callsPerS ?? 0)}/s`,
      note: sample && sample.failedPerS > 0 ? `${formatRate(sample.failedPerS)}/s fail` : 'none fails',
      tone: sample && sample.failedPerS > 0 ? (sample.failedPerS > sample.callsPerS / 100 ? 'bad' : 'warn') : undefined,
    }),
  },
  {
    title: 'Values delivered',
    of: ({ sample, view }) => ({ value: `${formatRate(sample?.valuesPerS ?? 0)}/s`, note: keys(view) }),
  },
  {
    title: 'Latency p99',
    of: ({ sample }) => ({
      value: formatLatency(sample?.p99Ms),
      note: sample?.p50Ms === undefined ? 'no calls' : `p50 ${formatLatency(sample.p50Ms)}`,
    }),
  },
  { title: 'Waiting for followers', of: backlog },
];

export class Tiles {
  readonly element = el('dl', { class: 'tiles' });
  readonly #show: ((model: Model) => void)[];

  constructor() {
    this.#show = FIGURES.map(({ title, of }) => {
      const value = el('dd', { class: 'value' });
      const note = el('dd', { class: 'note' });
      const tile = el('div', { class: 'tile' }, el('dt', {}, title), value, note);
      this.element.append(tile);
      return (model) => {
        const figure = of(model);
        say(value, figure.value);
        say(note, figure.note);
        set(tile, { class: figure.tone ? `tile ${figure.tone}` : 'tile' });
      };
    });
  }

  show(model: Model): void {
    for (const show of this.#show) show(model);
  }
}

function processes({ view }: Model): Figure {
  const all = view?.processes ?? [];
  const fine = all.filter(({ state }) => isFine(state)).length;
  const looping = all.filter(({ state }) => isLooping(state)).length;
  const restarts = all.reduce((sum, each) => sum + each.restarts, 0);
  return {
    value: `${fine} of ${all.length}`,
    note: looping > 0 ? `${looping} in a crash loop` : restarts === 0 ? 'no restarts' : plural(restarts, 'restart'),
    tone: looping > 0 ? 'bad' : fine < all.length ? 'warn' : undefined,
  };
}

function connections({ view }: Model): Figure {
  const { led, saved, degraded, lost } = connectionsOf(view ?? { channels: [] });
  return {
    value: formatCount(led),
    note:
      lost > 0
        ? `${plural(lost, 'channel')} without leader`
        : degraded > 0
          ? `${degraded} degraded`
          : `${formatCount(saved)} saved`,
    tone: lost > 0 ? 'bad' : degraded > 0 ? 'warn' : undefined,
  };
}

function backlog({ sample }: Model): Figure {
  const bytes = sample?.outboxBytes ?? 0;
  return {
    value: formatBytes(bytes),
    note: bytes === 0 ? 'all are up to date' : `up to ${formatLatency(sample?.lagMs)} behind`,
    tone: bytes > 0 ? 'warn' : undefined,
  };
}

function keys(view: Model['view']): string {
  return plural(
    (view?.channels ?? []).reduce((sum, { keyCount }) => sum + keyCount, 0),
    'key',
  );
}

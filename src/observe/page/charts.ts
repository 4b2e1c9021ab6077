// The series of the last minutes: throughput, latency and backlog, with a mark at each event that interrupts.

import { clockText } from './clock-text';
import uPlot from 'uplot';
import type { HostSample } from '../../view/host-rates';
import type { HostEvent } from '../../host-view';
import { formatBytes, formatLatency, formatRate } from '../../quantities';
import { el, say } from './elements';
import type { Model } from './model';

interface Series {
  readonly label: string;
  /** The name of a colour of the style sheet. */
  readonly colour: string;
  readonly of: (sample: HostSample) => number | undefined;
}

interface Description {
  readonly title: string;
  readonly text: (value: number | undefined) => string;
  /** The axis reaches at least so far. */
  readonly least: number;
  /** Distances between two lines of the grid; default decimal. */
  readonly steps?: readonly number[];
  readonly series: readonly Series[];
}

const CHARTS: readonly Description[] = [
  {
    title: 'Throughput',
    text: (value) => `${formatRate(value ?? 0)}/s`,
    least: 1,
    series: [
      { label: 'calls', colour: '--calls', of: ({ callsPerS }) => callsPerS },
      { label: 'values', colour: '--values', of: ({ valuesPerS }) => valuesPerS },
      { label: 'failed', colour: '--bad', of: ({ failedPerS }) => failedPerS },
    ],
  },
  {
    title: 'Latency of calls',
    text: formatLatency,
    least: 1,
    series: [
      { label: 'p50', colour: '--calls', of: ({ p50Ms }) => p50Ms },
      { label: 'p99', colour: '--late', of: ({ p99Ms }) => p99Ms },
    ],
  },
  {
    title: 'Waiting for followers',
    text: (value) => formatBytes(Math.round(value ?? 0)),
    least: 1024,
    steps: Array.from({ length: 30 }, (_, i) => 256 * 2 ** i),
    series: [{ label: 'outbox', colour: '--late', of: ({ outboxBytes }) => outboxBytes }],
  },
];

interface Plot {
  readonly plot: uPlot;
  readonly show: (samples: readonly HostSample[]) => void;
}

const HEIGHT = 104;
const SHORTEST_S = 60;
const LONGEST_S = 300;
/** A pause between two points that is longer than this, ms, is a gap in the line. */
const GAP_MS = 10_000;
const MARKED: ReadonlySet<HostEvent['kind']> = new Set(['failover', 'handoff', 'reload', 'crash', 'crash loop']);

export class Charts {
  readonly element = el('div', { class: 'charts' });
  readonly #plots: Plot[];
  #marks: readonly HostEvent[] = [];
  #range: [number, number] = [0, 1];

  constructor() {
    this.#plots = CHARTS.map((description) => this.#make(description));
    const resize = new ResizeObserver(() => {
      const width = this.element.clientWidth;
      if (width > 0) for (const { plot } of this.#plots) plot.setSize({ width, height: HEIGHT });
    });
    resize.observe(this.element);
    // Colours are read when something is drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const { plot } of this.#plots) plot.redraw();
    });
  }

  show(model: Model): void {
    const samples = withGaps(model.history);
    const end = model.now / 1_000;
    const begin = (model.history[0]?.at ?? model.now) / 1_000;
    this.#range = [end - Math.min(LONGEST_S, Math.max(SHORTEST_S, end - begin)), end];
    this.#marks = (model.view?.events ?? []).filter(({ kind }) => MARKED.has(kind));
    for (const { show } of this.#plots) show(samples);
  }

  #make({ title, text, least, steps, series }: Description): Plot {
    const figures = series.map(() => el('b', {}, '–'));
    const legend = el('div', { class: 'legend' });
    series.forEach(({ label, colour }, i) => {
      const swatch = el('i', { class: 'swatch' });
      swatch.style.background = `var(${colour})`;
      legend.append(el('span', {}, swatch, `${label} `, figures[i]!));
    });
    const time = el('span', { class: 'minor' });
    const box = el('div', { class: 'plot' });
    this.element.append(
      el('div', { class: 'chart' }, el('div', { class: 'chart-head' }, el('h3', {}, title), time, legend), box),
    );
    let samples: readonly HostSample[] = [];
    const say_ = (index: number | null | undefined): void => {
      const sample = index == null ? samples.findLast(({ at }) => at > 0) : samples[index];
      say(time, index == null || !sample ? '' : clockText(sample.at));
      series.forEach(({ of }, i) => say(figures[i]!, sample ? text(of(sample)) : '–'));
    };
    const axis: uPlot.Axis = {
      stroke: () => colourOf('--muted'),
      font: '11px system-ui, sans-serif',
      ticks: { show: false },
      grid: { stroke: () => colourOf('--line'), width: 1 },
    };
    const plot = new uPlot(
      {
        width: 400,
        height: HEIGHT,
        legend: { show: false },
        padding: [8, 26, 0, 0],
        cursor: { y: false, sync: { key: 'trunkline' }, drag: { x: false, y: false }, points: { size: 5 } },
        scales: {
          x: { time: false, range: () => this.#range },
          y: { range: (_, __, max) => [0, Math.max(least, (max || 0) * 1.15)] },
        },
        axes: [
          {
            ...axis,
            size: 24,
            gap: 6,
            space: 90,
            grid: { show: false },
            values: (_, ticks) => ticks.map((at) => clockText(at * 1_000)),
          },
          {
            ...axis,
            size: 58,
            gap: 4,
            space: 24,
            values: (_, ticks) => ticks.map((value) => (value === 0 ? '0' : text(value))),
            ...(steps && { incrs: [...steps] }),
          },
        ],
        series: [
          {},
          ...series.map(({ colour }) => ({
            stroke: () => colourOf(colour),
            width: 1.75,
            points: { show: false },
            spanGaps: false,
          })),
        ],
        hooks: { setCursor: [({ cursor }) => say_(cursor.idx)], drawAxes: [(self) => this.#drawMarks(self)] },
      },
      [[]],
      box,
    );
    return {
      plot,
      show: (given) => {
        samples = given;
        plot.setData([
          given.map(({ at }) => Math.abs(at) / 1_000),
          ...series.map(({ of }) => given.map((sample) => (sample.at < 0 ? null : (of(sample) ?? null)))),
        ]);
        say_(plot.cursor.idx);
      },
    };
  }

  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const [begin, end] = this.#range;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const { at, kind } of this.#marks) {
      if (at / 1_000 < begin || at / 1_000 > end) continue;
      const x = Math.round(plot.valToPos(at / 1_000, 'x', true));
      ctx.strokeStyle = colourOf(kind === 'reload' || kind === 'handoff' ? '--muted' : '--bad');
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** A point that is drawn nowhere, with a negative time, stands in each gap. */
function withGaps(samples: readonly HostSample[]): HostSample[] {
  return samples.flatMap((sample, i) => {
    const before = samples[i - 1];
    return before && sample.at - before.at > GAP_MS ? [{ ...before, at: -(before.at + 1) }, sample] : [sample];
  });
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

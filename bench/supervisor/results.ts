// The samples of a run, the two tables, and whether the targets are met.

import { median, sum } from '../statistics';
import { markdownTable, type Column } from '../table';
import type { TimeMeasure, TimeSample } from './measures/measure';
import type { ReloadSample } from './measures/reload';
import { eggCluster, trunkline } from './peers/master';
import type { Peer } from './peers/peer';

interface TimeRow {
  readonly measure: TimeMeasure;
  readonly peer: Peer;
}

export class Results {
  readonly #times = new Map<TimeMeasure, Map<Peer, TimeSample[]>>();
  readonly #reloads = new Map<Peer, ReloadSample[]>();

  addTime(measure: TimeMeasure, peer: Peer, sample: TimeSample): void {
    const byPeer = this.#times.get(measure) ?? new Map<Peer, TimeSample[]>();
    this.#times.set(measure, byPeer);
    byPeer.set(peer, [...(byPeer.get(peer) ?? []), sample]);
  }

  addReload(peer: Peer, sample: ReloadSample): void {
    this.#reloads.set(peer, [...(this.#reloads.get(peer) ?? []), sample]);
  }

  /** A table for each kind of measure that was run. */
  get tables(): string[] {
    return [...(this.#times.size > 0 ? [this.#timeTable()] : []), ...(this.#reloads.size > 0 ? [this.#reloadTable()] : [])];
  }

  /** Sentences about the targets that trunkline has missed. */
  get missed(): string[] {
    const missed: string[] = [];
    for (const measure of this.#times.keys()) {
      const target = measure.targetBeyondBootMs;
      const beyond = median(this.#figures({ measure, peer: trunkline }, beyondBoot));
      if (target !== undefined && beyond > target) missed.push(`${measure.name}: boot + ${ms(beyond)}, not ≤ ${ms(target)}`);
      const { targetOfEggCluster } = measure;
      const share = 1 / this.#timesEggCluster({ measure, peer: trunkline });
      if (targetOfEggCluster !== undefined && share > targetOfEggCluster)
        missed.push(`${measure.name}: ${share.toFixed(2)} of egg-cluster's time, not ≤ ${targetOfEggCluster}`);
    }
    const lost = sum((this.#reloads.get(trunkline) ?? []).map((sample) => sample.lost));
    if (lost > 0) missed.push(`reload: ${lost} requests lost, not 0`);
    return missed;
  }

  #timeTable(): string {
    const columns: Column<TimeRow>[] = [
      { head: 'Measure', align: 'left', cell: ({ measure }) => measure.title },
      { head: 'Peer', align: 'left', cell: ({ peer }) => peer.name },
      { head: 'Result', align: 'right', cell: (row) => ms(median(this.#figures(row, whole))) },
      { head: 'Range', align: 'right', cell: (row) => range(this.#figures(row, whole)) },
      { head: 'Boot of the new process', align: 'right', cell: (row) => this.#optional(row, boot) },
      { head: 'Beyond that', align: 'right', cell: (row) => this.#optional(row, beyondBoot) },
      { head: 'Target', align: 'right', cell: target },
      { head: '× egg-cluster', align: 'right', cell: (row) => this.#ratio(row) },
    ];
    const rows = [...this.#times].flatMap(([measure, byPeer]) => [...byPeer.keys()].map((peer) => ({ measure, peer })));
    return markdownTable(columns, rows);
  }

  #reloadTable(): string {
    const figures = (peer: Peer, pick: (sample: ReloadSample) => number): number[] => this.#reloads.get(peer)!.map(pick);
    const { reloads } = [...this.#reloads.values()][0]![0]!;
    return markdownTable<Peer>(
      [
        { head: `${reloads} reloads under load`, align: 'left', cell: ({ name }) => name },
        { head: 'Lost', align: 'right', cell: (peer) => String(median(figures(peer, ({ lost }) => lost))) },
        { head: 'Range', align: 'right', cell: (peer) => range(figures(peer, ({ lost }) => lost)) },
        { head: 'begun by a worker', align: 'right', cell: (peer) => String(median(figures(peer, ({ begun }) => begun))) },
        { head: 'idle connection closed', align: 'right', cell: (peer) => String(median(figures(peer, ({ raced }) => raced))) },
        { head: 'Sent', align: 'right', cell: (peer) => String(median(figures(peer, ({ sent }) => sent))) },
        { head: 'Time of a reload', align: 'right', cell: (peer) => ms(median(figures(peer, ({ reloadMs }) => reloadMs))) },
        { head: 'Causes, all rounds', align: 'left', cell: (peer) => causes(this.#reloads.get(peer)!) },
      ],
      [...this.#reloads.keys()],
    );
  }

  #figures({ measure, peer }: TimeRow, pick: (sample: TimeSample) => number | undefined): number[] {
    return (this.#times.get(measure)?.get(peer) ?? []).flatMap((sample) => pick(sample) ?? []);
  }

  #optional(row: TimeRow, pick: (sample: TimeSample) => number | undefined): string {
    const figures = this.#figures(row, pick);
    return figures.length > 0 ? ms(median(figures)) : '';
  }

  #ratio(row: TimeRow): string {
    const times = this.#timesEggCluster(row);
    return row.peer === eggCluster || Number.isNaN(times) ? '' : times.toFixed(2);
  }

  /** How many times as fast as egg-cluster; NaN where egg-cluster was not measured. */
  #timesEggCluster(row: TimeRow): number {
    const theirs = this.#figures({ ...row, peer: eggCluster }, whole);
    return theirs.length === 0 ? NaN : median(theirs) / median(this.#figures(row, whole));
  }
}

const whole = (sample: TimeSample): number => sample.ms;
const boot = (sample: TimeSample): number | undefined => sample.bootMs;

function beyondBoot({ ms, bootMs }: TimeSample): number | undefined {
  return bootMs === undefined ? undefined : ms - bootMs;
}

function target({ measure, peer }: TimeRow): string {
  if (measure.targetOfEggCluster !== undefined && peer === trunkline) return `≤ ${measure.targetOfEggCluster} × egg-cluster`;
  return measure.targetBeyondBootMs === undefined || peer !== trunkline ? '' : `≤ ${ms(measure.targetBeyondBootMs)}`;
}

function causes(samples: readonly ReloadSample[]): string {
  const counts = new Map<string, number>();
  for (const [cause, count] of samples.flatMap((sample) => [...sample.causes])) {
    counts.set(cause, (counts.get(cause) ?? 0) + count);
  }
  return [...counts].map(([cause, count]) => `${cause} ${count}`).join(', ');
}

function range(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

// The samples of a run and the tables made of samples: medians, ranges and ratios.

import type { PeerName } from './peers/peer';
import { median } from './statistics';
import { markdownTable, type Column } from './table';
import type { Sample, Workload } from './workloads/workload';

type FigureName = Exclude<keyof Sample, 'problems' | 'errors'>;

interface Row {
  readonly workload: Workload;
  readonly peer: PeerName;
}

export class Results {
  readonly #samples = new Map<Workload, Map<PeerName, Sample[]>>();

  add(workload: Workload, peer: PeerName, sample: Sample): void {
    const byPeer = this.#samples.get(workload) ?? new Map<PeerName, Sample[]>();
    this.#samples.set(workload, byPeer);
    byPeer.set(peer, [...(byPeer.get(peer) ?? []), sample]);
  }

  /** The main table. */
  workloadTable(workloads: readonly Workload[]): string {
    return this.#table(workloads, [
      { head: 'Workload', align: 'left', cell: ({ workload }) => workload.title },
      ...this.#comparison('Result'),
      { head: 'p50', align: 'right', cell: (row) => this.#figure(row, 'p50Us', us) },
      { head: 'p99', align: 'right', cell: (row) => this.#figure(row, 'p99Us', us) },
      { head: 'CPU leader', align: 'right', cell: (row) => this.#figure(row, 'leaderCpuUs', us) },
      { head: 'CPU follower', align: 'right', cell: (row) => this.#figure(row, 'followerCpuUs', us) },
    ]);
  }

  /** The table of first operations: CPU time is to be compared, and has separate ratios. */
  firstTable(workloads: readonly Workload[]): string {
    return this.#table(workloads, [
      { head: 'First work of a process', align: 'left', cell: ({ workload }) => workload.title },
      ...this.#comparison('Result'),
      { head: 'CPU leader', align: 'right', cell: (row) => this.#figure(row, 'leaderCpuUs', us) },
      { head: 'of floor', align: 'right', cell: (row) => this.#share(row, 'leaderCpuUs') },
      { head: 'CPU follower', align: 'right', cell: (row) => this.#figure(row, 'followerCpuUs', us) },
      { head: 'of floor', align: 'right', cell: (row) => this.#share(row, 'followerCpuUs') },
    ]);
  }

  /** The table of the costs of loading a peer. */
  loadingTable(workloads: readonly Workload[]): string {
    return this.#table(workloads, [
      { head: 'Cost of a start', align: 'left', cell: ({ workload }) => workload.title },
      ...this.#comparison('Result').slice(0, 4),
      { head: 'Wall time', align: 'right', cell: (row) => this.#figure(row, 'wallMs', FORMATS.ms) },
      { head: 'Memory', align: 'right', cell: (row) => this.#figure(row, 'residentMb', FORMATS.MB) },
      { head: 'Files', align: 'right', cell: (row) => this.#figure(row, 'modules', (count) => count.toFixed(0)) },
    ]);
  }

  growthTable(workloads: readonly Workload[]): string {
    return this.#table(workloads, [
      { head: 'Growth', align: 'left', cell: ({ workload }) => workload.title },
      ...this.#comparison('Leader CPU, event'),
      { head: 'Leader CPU, call', align: 'right', cell: (row) => this.#figure(row, 'leaderCpuPerCallUs', us) },
      { head: 'Memory per idle follower', align: 'right', cell: (row) => this.#figure(row, 'bytesPerFollower', kilobytes) },
    ]);
  }

  /** Sentences about what went wrong, without repetition. */
  get problems(): string[] {
    return this.#sentences((sample) => sample.problems);
  }

  /** Sentences about errors that the peers have reported, without repetition. */
  get errors(): string[] {
    return this.#sentences((sample) => sample.errors);
  }

  toJSON(): unknown {
    return Object.fromEntries(
      [...this.#samples].map(([{ name, unit }, byPeer]) => [name, { unit, samples: Object.fromEntries(byPeer) }]),
    );
  }

  #table(workloads: readonly Workload[], columns: readonly Column<Row>[]): string {
    const rows = workloads.flatMap((workload) =>
      [...(this.#samples.get(workload)?.keys() ?? [])].map((peer) => ({ workload, peer })),
    );
    return markdownTable(columns, rows);
  }

  #comparison(head: string): Column<Row>[] {
    return [
      { head: 'Peer', align: 'left', cell: ({ peer }) => peer },
      { head, align: 'right', cell: (row) => this.#value(row) },
      { head: 'Range', align: 'right', cell: (row) => this.#range(row) },
      { head: '× cluster-client', align: 'right', cell: (row) => this.#ratio(row, 'cluster-client') },
      { head: '× floor', align: 'right', cell: (row) => this.#ratio(row, 'floor') },
    ];
  }

  #figures({ workload, peer }: Row, name: FigureName): number[] {
    const samples = this.#samples.get(workload)?.get(peer) ?? [];
    return samples.flatMap((sample) => sample[name] ?? []);
  }

  #figure(row: Row, name: FigureName, format: (value: number) => string): string {
    const figures = this.#figures(row, name);
    return figures.length > 0 ? format(median(figures)) : '';
  }

  /** A figure as a share of the floor's: below 1 is better. */
  #share(row: Row, name: FigureName): string {
    const theirs = this.#figures({ ...row, peer: 'floor' }, name);
    const ours = this.#figures(row, name);
    if (row.peer === 'floor' || theirs.length === 0 || ours.length === 0) return '';
    return (median(ours) / median(theirs)).toFixed(2);
  }

  #value(row: Row): string {
    return this.#figure(row, 'value', FORMATS[row.workload.unit]);
  }

  #range(row: Row): string {
    const values = this.#figures(row, 'value');
    const format = (value: number): string => digits(row.workload.unit === '/s' ? value / 1_000 : value);
    return `${format(Math.min(...values))}–${format(Math.max(...values))}`;
  }

  /** How many times as good as another peer: above 1 is better. */
  #ratio(row: Row, other: PeerName): string {
    const theirs = this.#figures({ ...row, peer: other }, 'value');
    if (row.peer === other || theirs.length === 0) return '';
    const ratio = median(this.#figures(row, 'value')) / median(theirs);
    return (row.workload.unit === '/s' ? ratio : 1 / ratio).toFixed(2);
  }

  #sentences(pick: (sample: Sample) => readonly string[]): string[] {
    const sentences = new Set<string>();
    for (const [{ title }, byPeer] of this.#samples) {
      for (const [peer, samples] of byPeer) {
        for (const text of samples.flatMap(pick)) sentences.add(`${title}: ${peer}: ${text}`);
      }
    }
    return [...sentences];
  }
}

const FORMATS = {
  '/s': (value: number) => `${digits(value / 1_000)} k/s`,
  ms: (value: number) => `${digits(value)} ms`,
  µs: us,
  MB: (value: number) => `${digits(value)} MB`,
};

function us(value: number): string {
  return `${digits(value)} µs`;
}

function kilobytes(value: number): string {
  return `${digits(value / 1_024)} KB`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 1 ? 2 : size < 100 ? 1 : 0);
}

// Medians of rounds, as tables.

import { median } from '../statistics';
import { markdownTable, type Column } from '../table';
import type { EngineName } from './engine-servers';
import type { Side } from './orders';
import type { Figures, Point } from './point';
import { ENDS, TTL_MS, type End } from './takeover';

interface PointRow {
  readonly point: Point;
  readonly side: Side;
  readonly rounds: Figures[];
}

interface TakeoverRow {
  readonly engine: EngineName;
  readonly tookMs: Partial<Record<End, number[]>>;
}

export class FleetResults {
  readonly points: PointRow[] = [];
  readonly takeovers: TakeoverRow[] = [];

  addPoint(point: Point, side: Side, figures: Figures): void {
    let row = this.points.find((known) => known.point === point && known.side === side);
    if (!row) this.points.push((row = { point, side, rounds: [] }));
    row.rounds.push(figures);
  }

  addTakeover(engine: EngineName, end: End, tookMs: number): void {
    let row = this.takeovers.find((known) => known.engine === engine);
    if (!row) this.takeovers.push((row = { engine, tookMs: {} }));
    (row.tookMs[end] ??= []).push(tookMs);
  }

  get tables(): string[] {
    return [
      ...(this.points.length > 0 ? [this.#valueTable(), this.#callTable()] : []),
      ...(this.takeovers.length > 0 ? [this.#takeoverTable()] : []),
    ];
  }

  /** Runs in which leadership has changed: their figures hold a takeover. */
  get disturbed(): string[] {
    return this.points
      .filter(({ rounds }) => rounds.some(({ takeovers }) => takeovers > 0))
      .map(({ point }) => `${point.engine}, ${point.members} members, ${point.keys} keys`);
  }

  #valueTable(): string {
    const columns: Column<PointRow>[] = [
      ...PLACE,
      { head: 'side', align: 'left', cell: ({ side }) => side },
      column('upstream connections', (figures) => figures.upstreamClients, 0),
      column('deliveries/s', (figures) => figures.deliveriesPerSecond, 0),
      column('engine µs/delivery', (figures) => figures.engineUs, 1),
      column('client µs/delivery', (figures) => figures.clientUs, 1),
      column('push p50 ms', (figures) => figures.p50Ms, 1),
      column('p99 ms', (figures) => figures.p99Ms, 1),
      column('idle engine µs/member/s', (figures) => figures.idleUs, 0),
      column('engine KB/member', (figures) => figures.memberKb, 0),
    ];
    return markdownTable(columns, this.points);
  }

  #callTable(): string {
    const columns: Column<PointRow>[] = [
      ...PLACE,
      column('call p50 ms', (figures) => figures.call!.p50Ms, 2),
      column('p99 ms', (figures) => figures.call!.p99Ms, 2),
      column('engine µs/call', (figures) => figures.call!.engineUs, 0),
    ];
    return markdownTable(
      columns,
      this.points.filter(({ side }) => side === 'fleet'),
    );
  }

  #takeoverTable(): string {
    const columns: Column<TakeoverRow>[] = [
      { head: `takeover, TTL ${TTL_MS} ms`, align: 'left', cell: ({ engine }) => engine },
      ...ENDS.map((end): Column<TakeoverRow> => ({
        head: `${end}, ms`,
        align: 'right',
        cell: ({ tookMs }) => (tookMs[end] ? median(tookMs[end]).toFixed(0) : '-'),
      })),
    ];
    return markdownTable(columns, this.takeovers);
  }
}

const PLACE: readonly Column<PointRow>[] = [
  { head: 'engine', align: 'left', cell: ({ point }) => point.engine },
  { head: 'members', align: 'right', cell: ({ point }) => String(point.members) },
  { head: 'keys', align: 'right', cell: ({ point }) => String(point.keys) },
];

function column(head: string, figure: (figures: Figures) => number, digits: number): Column<PointRow> {
  return { head, align: 'right', cell: ({ rounds }) => median(rounds.map(figure)).toFixed(digits) };
}

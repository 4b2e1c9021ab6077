// The state of an application as a table. Pure.

import { formatBytes, formatDuration } from '../../quantities';
import type { ProcessStatus } from '../../supervisor/start-cluster';
import type { ApplicationStatus } from '../control/control-protocol';
import { formatAddress } from '../../supervisor/host/format-address';
import type { Output, Style } from './output';
import { aligned } from './table';

const COLUMNS = ['NAME', 'PID', 'STATE', 'READY FOR', 'RESTARTS', 'MEMORY', 'LOOP DELAY'] as const;
/** Columns of numbers, aligned at the right. */
const RIGHT: ReadonlySet<string> = new Set(['PID', 'READY FOR', 'RESTARTS', 'MEMORY', 'LOOP DELAY']);

const STYLE_OF: Readonly<Record<ProcessStatus['state'], Style | undefined>> = {
  ready: 'green',
  starting: 'yellow',
  draining: 'yellow',
  waiting: 'yellow',
  'crash-loop': 'red',
  stopping: 'dim',
  stopped: 'dim',
};

export function statusTable(name: string, status: ApplicationStatus, { style }: Pick<Output, 'style'>): string {
  const { processes } = status;
  const [heading, ...lines] = aligned(COLUMNS, RIGHT, processes.map(cellsOf));
  const stateColumn = COLUMNS.indexOf('STATE');
  const table = lines.map((padded, row) => {
    const format = STYLE_OF[processes[row]!.state];
    if (format) padded[stateColumn] = style(format, padded[stateColumn]!);
    return padded.join('  ').trimEnd();
  });
  const ends = processes.flatMap(({ name: who, lastEnd }) => (lastEnd === undefined ? [] : [`${who} last ${oneLine(lastEnd)}`]));
  return [headline(name, status, style), style('dim', heading!.join('  ')), ...table, ...ends].join('\n');
}

/** Only the first line of a reason: the log has the whole reason. */
function oneLine(text: string): string {
  return text.split('\n', 1)[0]!;
}

function headline(name: string, status: ApplicationStatus, style: Output['style']): string {
  const { state, pid, uptimeMs, address, clusterPort, undelivered, version } = status;
  return [
    style('bold', name),
    `${state} for ${formatDuration(uptimeMs)}`,
    `pid ${pid}`,
    ...(address === undefined ? [] : [`listens on ${formatAddress(address)}`]),
    ...(clusterPort === undefined ? [] : [`cluster port ${clusterPort}`]),
    ...(undelivered === 0 ? [] : [`${undelivered} messages undelivered`]),
    `trunkline ${version}`,
  ].join(' · ');
}

function cellsOf({ name, pid, state, readyForMs, restarts, memoryBytes, eventLoopDelayMs }: ProcessStatus): string[] {
  return [
    name,
    pid === undefined ? '-' : String(pid),
    state,
    readyForMs === undefined ? '-' : formatDuration(readyForMs),
    String(restarts),
    memoryBytes === undefined ? '-' : formatBytes(memoryBytes),
    eventLoopDelayMs === undefined ? '-' : `${eventLoopDelayMs} ms`,
  ];
}

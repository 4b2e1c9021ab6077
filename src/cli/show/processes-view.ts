// Processes without a supervisor as a table: the clients of each, and how they stand. Pure.

import type { ClientView, HostView } from '../../host-view';
import type { Output } from './output';
import { aligned } from './table';

const COLUMNS = ['PID', 'CHANNEL', 'ROLE', 'STATE', 'CALLS', 'FAILED', 'VALUES', 'KEYS'] as const;
const RIGHT: ReadonlySet<string> = new Set(['PID', 'CALLS', 'FAILED', 'VALUES', 'KEYS']);

export function processesTable({ processes }: Pick<HostView, 'processes'>, { style }: Pick<Output, 'style'>): string {
  const rows = processes.flatMap(({ pid, clients }) => clients.map((client) => cellsOf(pid, client)));
  const [heading, ...lines] = aligned(COLUMNS, RIGHT, rows).map((cells) => cells.join('  ').trimEnd());
  return [style('dim', heading!), ...lines].join('\n');
}

function cellsOf(pid: number | undefined, { channel, role, state, calls, valuesReceived, subscriptions }: ClientView): string[] {
  const failed = Object.values(calls.failed).reduce((sum, count) => sum + count, 0);
  const counts = [calls.ok, failed, valuesReceived, subscriptions].map(String);
  return [String(pid ?? '-'), channel, role ?? '-', state, ...counts];
}

// The state of the demo as lines of text: a row for each worker, then what the server counts.

import type { ConfigServer } from './config-server';
import type { Fleet } from './fleet';
import type { Line } from './screen';
import type { WorkerHandle } from './worker-handle';

const WIDTHS = [9, 10, 32] as const;

export function statusTable(fleet: Fleet, server: ConfigServer): Line[] {
  if (fleet.workers.length === 0) return [];
  const count = server.connections ?? 'unknown';
  return [
    { text: '' },
    { text: row('WORKER', 'ROLE', 'SEES', 'VERSION'), style: 'faint' },
    ...fleet.workers.map(workerLine),
    {
      text: `  ${server.unit}: ${count} — without sharing it would be ${fleet.running.length} (counted by ${server.countedBy})`,
      style: 'strong',
    },
  ];
}

function workerLine({ pid, state, latest, isRunning }: WorkerHandle): Line {
  const sees = latest ? `${latest.key} = ${latest.value}` : '';
  const text = row(String(pid), state, sees, latest ? String(latest.version) : '');
  if (!isRunning) return { text, style: 'faint' };
  return state === 'leader' ? { text, style: 'leading' } : { text };
}

function row(...[pid, role, sees, version]: [string, string, string, string]): string {
  return `  ${pid.padEnd(WIDTHS[0])}${role.padEnd(WIDTHS[1])}${fit(sees, WIDTHS[2])}${version}`.trimEnd();
}

function fit(text: string, width: number): string {
  return text.length < width ? text.padEnd(width) : `${text.slice(0, width - 2)}… `;
}

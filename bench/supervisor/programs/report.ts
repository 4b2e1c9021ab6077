// A measured program tells the driver what has happened.

import net from 'node:net';
import { clock } from '../../orders';
import { REPORTS_VARIABLE, type Report } from '../reports';

export function reportReady(role: 'agent' | 'worker'): void {
  const atMs = clock();
  send({ kind: 'ready', role, pid: process.pid, startedAtMs: atMs - performance.now(), atMs });
}

export function reportValue(agent: number): void {
  send({ kind: 'value', pid: process.pid, agent, atMs: clock() });
}

function send(report: Report): void {
  net
    .connect(Number(process.env[REPORTS_VARIABLE]), '127.0.0.1')
    .on('error', () => undefined) // the driver is gone
    .end(JSON.stringify(report));
}

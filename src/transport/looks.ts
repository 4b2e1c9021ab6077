// A look at the processes that meet at a port: each tells of itself, and asks the processes that have connected to it. Any trusted
// connection may ask; connection.ts hands the question on to here.

import { reportOfProcess, type ProcessReport } from '../process-report';
import { systemClock, within } from '../time';
import type { Connection } from './connection';

/** How long the answers of one hop are waited for, ms: what has not come by then is left out. */
export const HOP_MS = 400;
/** More hops than any host has: from the port holder to a leader to a follower are two. */
const MAX_HOPS = 3;

/** Connections that others have opened to this process, of processes that answer a look. */
const visitors = new Set<Connection>();

/** A process that answers looks has introduced itself to this process. */
export function noteVisitor(connection: Connection): void {
  visitors.add(connection);
  void connection.closed.then(() => visitors.delete(connection));
}

/** @returns a report of each process, this process first */
export async function gatherReports(hops: number): Promise<ProcessReport[]> {
  const own = reportOfProcess(true);
  if (hops === 0) return [own];
  const further = Math.min(hops, MAX_HOPS) - 1;
  const answers: ProcessReport[] = [];
  const asked = [...visitors].map(async (visitor) => void answers.push(...(await visitor.look(further))));
  await within(systemClock, HOP_MS * (further + 1), Promise.all(asked), false);
  return [...new Map([...answers, own].reverse().map((report) => [`${report.pid} ${report.thread}`, report])).values()];
}

/** What a peer has answered; any text. */
export function readReports(text: string): ProcessReport[] {
  try {
    const given = JSON.parse(text) as unknown;
    return Array.isArray(given) ? given.filter(isReport) : [];
  } catch {
    return [];
  }
}

function isReport(value: unknown): value is ProcessReport {
  const { pid, clients } = (value ?? {}) as Partial<ProcessReport>;
  const isClient = (client: unknown): boolean =>
    typeof (client as { view?: { channel?: unknown } } | null)?.view?.channel === 'string';
  return Number.isSafeInteger(pid) && Array.isArray(clients) && clients.every(isClient);
}

// What a test has left behind: shared clients and parts of the kit that are not closed, and sockets, servers, timers and processes
// that keep this process alive.

import { TrunklineError } from '../errors';
import { openClients } from '../seat';
import { waitFor } from './wait-for';

/** Resources of Node.js by the name that `process.getActiveResourcesInfo` gives, and what a reader knows them as. */
const KINDS: Readonly<Record<string, string>> = {
  TCPSocketWrap: 'TCP socket',
  TCPServerWrap: 'TCP server',
  TCPConnectWrap: 'TCP connect under way',
  PipeWrap: 'pipe or local socket',
  PipeServerWrap: 'server of local sockets',
  PipeConnectWrap: 'connect of a local socket under way',
  UDPWrap: 'UDP socket',
  ProcessWrap: 'child process',
  MessagePort: 'message port or worker thread',
  FSEventWrap: 'file watcher',
  StatWatcher: 'file watcher',
  Timeout: 'timer',
};
/** How long what is ending may take, ms. */
const LIMIT_MS = 5_000;

// Parts of the kit that are open, of every copy of the kit in this process.
const KEY = Symbol.for('trunkline#openTestParts');
const openParts = ((globalThis as { [KEY]?: Set<{ readonly what: string }> })[KEY] ??= new Set());

/** For the kit: a part that a test has to close. @returns the part is closed */
export function notClosed(what: string): () => void {
  const part = { what };
  openParts.add(part);
  return () => openParts.delete(part);
}

export interface LeakCheckOptions {
  /** How long what is ending may take, ms. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Kinds of resources that do not count, such as `timer`. */
  readonly ignore?: readonly string[] | undefined;
}

/**
 * Notes what is open now.
 * @returns a check to be called at the end, which waits for what is ending and throws TrunklineError ERR_TRUNKLINE_LEFT_OPEN with a list
 * of what is open beyond that: clients, parts of the kit, sockets, servers, timers that keep the process alive, and processes
 */
export function leakCheck({ timeoutMs = LIMIT_MS, ignore = [] }: LeakCheckOptions = {}): () => Promise<void> {
  openStandardStreams();
  const clientsBefore = new Set(openClients());
  const partsBefore = new Set(openParts);
  const resourcesBefore = resources();
  const left = (): string[] => [
    ...[...openClients()]
      .filter((client) => !clientsBefore.has(client))
      .map((client) => `shared client ${nameOf(client.status())}`),
    ...[...openParts].filter((part) => !partsBefore.has(part)).map(({ what }) => what),
    ...[...resources()].flatMap(([kind, count]) => {
      const more = count - (resourcesBefore.get(kind) ?? 0);
      return more > 0 && !ignore.includes(kind) ? [`${more} × ${kind}`] : [];
    }),
  ];
  return async () => {
    try {
      await waitFor(() => left().length === 0, { timeoutMs, what: 'nothing is left open' });
    } catch {
      const open = left();
      if (open.length === 0) return;
      throw new TrunklineError('ERR_TRUNKLINE_LEFT_OPEN', `left open: ${open.join(', ')}; close what the test has opened`, {
        open,
      });
    }
  };
}

/** Node.js opens the standard streams at their first use: a warning that is printed during a test is no leak. */
function openStandardStreams(): void {
  void process.stdout;
  void process.stderr;
}

function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const resource of process.getActiveResourcesInfo()) {
    const kind = KINDS[resource];
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function nameOf(status: unknown): string {
  const { channel, role } = status as { channel?: string; role?: string };
  return `${channel ?? ''}${role === undefined ? '' : ` (${role})`}`;
}

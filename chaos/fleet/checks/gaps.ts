// Values go on: while values change, a process that runs gets some value within the TTL and a second, counted from the last fault
// that can keep values from this process. Such faults hit the engine, the upstream server, the own host, or the host
// with the upstream client.

import { calmsOf, endOf } from '../../checks/intervals';
import type { Violation } from '../../checks/violation';
import type { EntryOf, History, HistoryEntry } from '../../history';
import { FLEET_CHANNEL, TTL_MS } from '../plan';
import { hostsOf } from './deposed';

/** What takes the place of running time: the machine has more to do, ms. */
const MARGIN_MS = 2_500;
export const GAP_MS = TTL_MS + 1_000;

export interface Gap {
  readonly pid: number;
  /** From the last value or fault. */
  readonly from: number;
  readonly to: number;
}

export function checkGaps(history: History): Violation[] {
  return gapsOf(history)
    .filter(({ from, to }) => to - from > GAP_MS + MARGIN_MS)
    .map(({ pid, from, to }) => ({
      promise: 'values go on',
      what: `process ${pid} got no value for ${Math.round(to - from)} ms without a fault that explains this; ${GAP_MS} + ${MARGIN_MS} are allowed`,
      from,
      to,
      about: { pids: [pid], channel: FLEET_CHANNEL.name },
    }));
}

/** The longest silence of each process in each storm. */
export function gapsOf(history: History): Gap[] {
  const calms = calmsOf(history);
  const hosts = hostsOf(history);
  const watch = new SilenceWatch();
  /** The host of each open upstream client. */
  const upstreams = new Map<number, string | undefined>();

  const strike = (at: number, until: number, fault: EntryOf<'fault'>): void => {
    const hit = fault.host ?? (fault.pid === undefined ? undefined : hosts.get(fault.pid));
    const isOnOwnHost = (pid: number): boolean => hit === undefined || hosts.get(pid) === hit;
    const isOnWinner = upstreams.size === 0 || [...upstreams.values()].includes(hit);
    // Another host takes over while the fault lasts, unless the winner is only slow.
    if (isOnWinner) watch.excuse(fault.fault === 'link-slow' ? until : at, at, () => true);
    watch.excuse(until, at, isOnOwnHost);
  };

  for (const event of withEnds(history, calms)) {
    const { entry, at, isEnd } = event;
    if (isEnd) {
      strike(at, at, entry);
      continue;
    }
    switch (entry.kind) {
      case 'storm':
        watch.begin(at);
        break;
      case 'calm':
        watch.end(at);
        break;
      case 'exited':
        watch.forget(entry.pid, at);
        watch.excuse(at, at, (pid) => hosts.get(pid) === hosts.get(entry.pid));
        break;
      case 'upstream-on':
        upstreams.set(entry.connection, hosts.get(entry.pid));
        break;
      case 'upstream-off':
        upstreams.delete(entry.connection);
        break;
      case 'engine-up':
        watch.excuse(at, at, () => true);
        break;
      case 'fault':
        strike(at, endOf(entry, calms), entry);
        break;
      case 'delivered':
        watch.heard(entry.pid, at);
    }
  }
  return watch.gaps;
}

type Event =
  | { readonly at: number; readonly isEnd: true; readonly entry: EntryOf<'fault'> }
  | { readonly at: number; readonly isEnd: false; readonly entry: HistoryEntry };

/** The history, and the end of each fault. */
function withEnds(history: History, calms: readonly number[]): Event[] {
  const events: Event[] = history.map((entry) => ({ at: entry.at, isEnd: false, entry }));
  for (const entry of history) if (entry.kind === 'fault') events.push({ at: endOf(entry, calms), isEnd: true, entry });
  return events.sort((a, b) => a.at - b.at);
}

/** Since when each process has heard nothing although values were owed. */
class SilenceWatch {
  /** For each process: from when on silence counts, which may be later than now. */
  readonly #since = new Map<number, number>();
  readonly #longest = new Map<number, Gap>();
  readonly #closed: Gap[] = [];
  #isStorm = false;

  get gaps(): Gap[] {
    return [...this.#closed, ...this.#longest.values()];
  }

  begin(at: number): void {
    this.#isStorm = true;
    for (const pid of this.#since.keys()) this.#since.set(pid, at);
  }

  end(at: number): void {
    for (const pid of this.#since.keys()) this.#measure(pid, at);
    this.#isStorm = false;
    this.#closed.push(...this.#longest.values());
    this.#longest.clear();
  }

  heard(pid: number, at: number): void {
    this.#measure(pid, at);
    this.#since.set(pid, Math.max(at, this.#since.get(pid) ?? at));
  }

  forget(pid: number, at: number): void {
    this.#measure(pid, at);
    this.#since.delete(pid);
  }

  /** Something at `at` explains silence until `until`. */
  excuse(until: number, at: number, isTouched: (pid: number) => boolean): void {
    for (const [pid, since] of this.#since) {
      if (!isTouched(pid)) continue;
      this.#measure(pid, at);
      this.#since.set(pid, Math.max(until, since));
    }
  }

  #measure(pid: number, at: number): void {
    const from = this.#since.get(pid);
    if (!this.#isStorm || from === undefined || at <= from) return;
    const known = this.#longest.get(pid);
    if (!known || at - from > known.to - known.from) this.#longest.set(pid, { pid, from, to: at });
  }
}

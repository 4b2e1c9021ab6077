// What happened lately on a host, the newest 200 events. Changes of leaders and upstream clients are found by comparing the reports of
// a channel's leaders.

import type { ClientView, HostEvent, UpstreamView } from '../host-view';
import type { ClientReport } from '../process-report';

const MAX_EVENTS = 200;
/** Processes report the same failover within this time, ms. */
const RELATED_MS = 10_000;
/** A channel that nobody leads any more is forgotten when so many newer channels were led. */
const MAX_CHANNELS = 1_000;

type NewEvent = Omit<HostEvent, 'id' | 'at'>;

interface Leadership {
  readonly pid: number | undefined;
  readonly term: number;
  readonly upstream: UpstreamView['state'];
}

export class HostEvents {
  #events: HostEvent[] = [];
  #lastId = 0;
  readonly #leaderships = new Map<string, Leadership>();

  /** The oldest first. */
  get all(): readonly HostEvent[] {
    return this.#events;
  }

  add(event: NewEvent): void {
    this.#events.push({ id: ++this.#lastId, at: Date.now(), ...event });
    if (this.#events.length > MAX_EVENTS) this.#events = this.#events.slice(-MAX_EVENTS);
  }

  /**
   * Notes what has changed since the last report of the channel's leader.
   * @param isAlive whether a process of the application lives: a leader that lives has handed over
   */
  onReport(name: string, pid: number | undefined, { view, led }: ClientReport, isAlive: (pid: number) => boolean): void {
    if (!led) {
      this.#lengthen(view);
      return;
    }
    const { channel, port, term } = view;
    // A channel in single mode belongs to its process alone.
    const key = `${channel} ${port ?? `pid ${pid}`}`;
    const before = this.#leaderships.get(key);
    const isOldAlive = before?.pid !== undefined && before.pid !== pid && isAlive(before.pid);
    if (before && isOldAlive && before.term >= term) return; // an old leader that does not know of the new one yet
    this.#leaderships.delete(key);
    this.#leaderships.set(key, { pid, term, upstream: led.upstream.state });
    if (this.#leaderships.size > MAX_CHANNELS) this.#leaderships.delete(this.#leaderships.keys().next().value!);
    if (before && before.pid !== pid) {
      const { last } = view.failovers;
      const isHandoff = last?.cause === 'hand-off' || isOldAlive;
      const [kind, how] = isHandoff
        ? (['handoff', 'took over from'] as const)
        : (['failover', 'leads after the loss of'] as const);
      const text = `${name}, pid ${pid}, ${how} pid ${before.pid} in term ${term}`;
      this.add({ kind, subject: channel, pid, text, durationMs: isHandoff ? 0 : last?.durationMs });
    }
    const was = before?.upstream ?? 'connecting';
    const { state, error } = led.upstream;
    if (was === state || (was === 'connecting' && state === 'ok' && !before)) return;
    if (state === 'connecting' && !error) return; // a new leader begins
    const text =
      state === 'ok' ? 'the upstream client is well again' : `the upstream client is ${state}${error ? `: ${error}` : ''}`;
    this.add({ kind: 'upstream', subject: channel, pid, text });
  }

  /** A failover has lasted until the last follower had its new leader. */
  #lengthen({ channel, failovers: { last } }: ClientView): void {
    if (!last || last.cause === 'hand-off') return;
    const index = this.#events.findLastIndex(({ kind, subject }) => kind === 'failover' && subject === channel);
    const event = this.#events[index];
    if (!event || Math.abs(event.at - last.at) > RELATED_MS || (event.durationMs ?? 0) >= last.durationMs) return;
    this.#events[index] = { ...event, durationMs: last.durationMs };
  }
}

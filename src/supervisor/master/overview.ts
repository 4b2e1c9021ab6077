// One look at a supervised application: its processes, the channels of their shared clients, and what happened lately. Children report
// their clients; see child/client-reports.ts.

import os from 'node:os';
import type { ApplicationView, ClientView, HostEventKind, HostView, HostViewSource, ProcessView } from '../../host-view';
import { reportOfProcess, type ProcessReport } from '../../process-report';
import { within, type Clock } from '../../time';
import { channelsOf } from '../../view/channels';
import { HostEvents } from '../../view/host-events';
import { Watching } from '../../view/watching';
import { observeHealth } from '../host/health';
import type { Health } from '../messaging/messages';
import type { ChildHandle } from './child-handle';
import type { EndKind } from './end-report';
import type { Slot, SlotEvents } from './slot';

/** How long children go on reporting after a look, ms. A look that goes on is renewed in half of this time. */
const LOOK_MS = 10_000;
/** How long a look waits for children that do not answer, ms: the view has what is known of them. */
const ANSWER_MS = 500;
/** A child reports its changes at most this often while somebody looks, ms. */
const EVERY_MS = 200;
/** With many children each child reports less often, ms for each child: a master takes 400 reports a second without effort. */
const EVERY_MS_PER_CHILD = 2.5;

/** What the overview asks the master. */
export interface Overseen {
  readonly slots: () => readonly Slot[];
  readonly application: () => Pick<ApplicationView, 'state' | 'baseDir' | 'clusterPort' | 'address'>;
  readonly clock: Clock;
}

interface Known {
  /** When the child was started, on the clock. */
  readonly startedAt: number;
  report: ProcessReport | undefined;
  answeredLook: number;
}

export class Overview implements HostViewSource {
  readonly #overseen: Overseen;
  readonly #events = new HostEvents();
  readonly #watching: Watching;
  readonly #children = new Map<ChildHandle, Known>();
  readonly #startedAt = Date.now();
  #health: (() => Health) | undefined;
  #lookId = 0;
  #lookedAt = -Infinity;
  /** Called with each answer to a look. */
  readonly #awaiting = new Set<() => void>();
  /** Ends that nobody asked for. */
  readonly #crashes: Partial<Record<EndKind, number>> = {};
  readonly #reloads = { ok: 0, failed: 0, lastDurationMs: undefined as number | undefined };

  constructor(overseen: Overseen) {
    this.#overseen = overseen;
    this.#watching = new Watching(overseen.clock, () => this.read(), false); // a master that has stopped everything ends
  }

  /** Events for the slots that also reach the overview. */
  heeding(events: SlotEvents): SlotEvents {
    return {
      ...events,
      onStarted: (slot, child) => {
        this.#children.set(child, { startedAt: this.#overseen.clock.now(), report: undefined, answeredLook: 0 });
        events.onStarted(slot, child);
        this.#watching.changed();
      },
      onReady: (slot) => {
        events.onReady(slot);
        this.#onReady(slot);
      },
      onGone: (slot, child) => {
        events.onGone(slot, child);
        if (!child.wasTold) queueMicrotask(() => this.#onCrash(slot, child)); // the slot knows the end of the child then
      },
      onEnded: (slot, child) => {
        this.#children.delete(child);
        events.onEnded(slot, child);
        this.#watching.changed();
      },
      onHealth: (slot, child, health) => {
        this.#onHealth(slot, child, health);
        events.onHealth(slot, child, health);
      },
    };
  }

  /** Notes a change that somebody asked for, when it is done. @param what has been done, e.g. `reloaded` */
  async during<T>(kind: HostEventKind, what: string, change: () => Promise<T>): Promise<T> {
    const { clock } = this.#overseen;
    const begunAt = clock.now();
    const isReload = kind === 'reload';
    try {
      const outcome = await change();
      const durationMs = Math.round(clock.now() - begunAt);
      if (isReload) {
        this.#reloads.ok++;
        this.#reloads.lastDurationMs = durationMs;
      }
      this.note(kind, what, durationMs);
      return outcome;
    } catch (error) {
      if (isReload) this.#reloads.failed++;
      this.note(kind, `not ${what}: ${(error as Error).message.split('\n', 1)[0]}`, Math.round(clock.now() - begunAt));
      throw error;
    }
  }

  /** Something has happened to the application as a whole. */
  note(kind: HostEventKind, text: string, durationMs?: number): void {
    this.#events.add({ kind, subject: 'application', pid: process.pid, text, durationMs });
    this.#watching.changed();
  }

  async read(): Promise<HostView> {
    await this.#lookAtChildren();
    const now = Date.now();
    const reports = [...this.#children].flatMap(([{ pid, state }, { report }]) =>
      report && pid !== undefined && state !== 'gone' ? { ...report, pid } : [],
    );
    const own = reportOfProcess(true);
    return {
      source: 'supervisor',
      at: now,
      host: os.hostname(),
      application: {
        ...this.#overseen.application(),
        startedAt: this.#startedAt,
        reloads: { ...this.#reloads },
        crashes: { ...this.#crashes },
      },
      processes: [this.#master(own), ...this.#overseen.slots().map((slot) => this.#process(slot))],
      channels: channelsOf([own, ...reports], now),
      events: [...this.#events.all],
    };
  }

  watch(signal: AbortSignal): AsyncIterable<HostView> {
    return this.#watching.watch(signal);
  }

  #master({ clients }: ProcessReport): ProcessView {
    this.#health ??= observeHealth();
    const { memoryBytes, eventLoopDelayMs } = this.#health();
    return {
      pid: process.pid,
      name: 'master',
      state: this.#overseen.application().state,
      readyForMs: Date.now() - this.#startedAt,
      restarts: 0,
      lastEnd: undefined,
      memoryBytes,
      eventLoopDelayMs,
      clients: clients.map(({ view }) => view),
    };
  }

  #process({ status, child }: Slot): ProcessView {
    const clients: ClientView[] = (child && this.#children.get(child)?.report?.clients.map(({ view }) => view)) ?? [];
    return { ...status, clients };
  }

  /** Resolves when every child that runs has answered, or did not do so in time. */
  async #lookAtChildren(): Promise<void> {
    const { clock, slots } = this.#overseen;
    const children = slots().flatMap(({ readyChild }) => readyChild ?? []);
    if (clock.now() - this.#lookedAt >= LOOK_MS / 2) {
      this.#lookId++;
      this.#lookedAt = clock.now();
      for (const child of children) this.#tellLook(child);
    }
    const id = this.#lookId;
    const isAnswered = (): boolean => children.every((child) => (this.#children.get(child)?.answeredLook ?? id) >= id);
    if (isAnswered()) return;
    let onAnswer!: () => void;
    const answered = new Promise<void>((resolve) => {
      onAnswer = () => {
        if (isAnswered()) resolve();
      };
    });
    this.#awaiting.add(onAnswer);
    await within(clock, ANSWER_MS, answered, false);
    this.#awaiting.delete(onAnswer);
    // A child that is stopped or blocked holds up one view, not each.
    for (const child of children) {
      const known = this.#children.get(child);
      if (known) known.answeredLook = Math.max(known.answeredLook, id);
    }
  }

  #tellLook(child: ChildHandle): void {
    const everyMs = Math.max(EVERY_MS, this.#overseen.slots().length * EVERY_MS_PER_CHILD);
    child.tell({ trunkline: 'look', id: this.#lookId, forMs: LOOK_MS, everyMs });
  }

  #onHealth({ name }: Slot, child: ChildHandle, { report, look }: Health): void {
    const known = this.#children.get(child);
    if (!known) return;
    if (report) {
      known.report = report;
      for (const client of report.clients) this.#events.onReport(name, child.pid, client, (pid) => this.#isAlive(pid));
      this.#watching.changed();
    }
    if (look === undefined || look <= known.answeredLook) return;
    known.answeredLook = look;
    for (const onAnswer of this.#awaiting) onAnswer();
  }

  #isAlive(pid: number): boolean {
    return [...this.#children.keys()].some((child) => child.pid === pid && child.state !== 'gone');
  }

  #onReady({ name, pid, readyChild: child }: Slot): void {
    const known = child && this.#children.get(child);
    const durationMs = known && Math.round(this.#overseen.clock.now() - known.startedAt);
    this.#events.add({ kind: 'ready', subject: name, pid, text: 'ready', durationMs });
    if (child && this.#overseen.clock.now() - this.#lookedAt < LOOK_MS) this.#tellLook(child);
    this.#watching.changed();
  }

  #onCrash({ name, status: { lastEnd, state }, lastEndKind }: Slot, { pid }: ChildHandle): void {
    if (lastEndKind) this.#crashes[lastEndKind] = (this.#crashes[lastEndKind] ?? 0) + 1;
    const text = lastEnd?.split('\n', 1)[0] ?? 'has ended';
    this.#events.add({ kind: 'crash', subject: name, pid, text });
    if (state === 'crash-loop')
      this.#events.add({ kind: 'crash loop', subject: name, pid: undefined, text: 'has ended repeatedly soon after its start' });
    this.#watching.changed();
  }
}

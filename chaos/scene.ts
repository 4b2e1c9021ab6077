// What a run takes place on: the members, the upstream server, and the faults that are possible there. run.ts makes storms and
// calms on any scene.

import type { ChannelPlan } from './channels';
import type { Violation } from './checks/violation';
import type { Crew } from './crew';
import type { History, HistoryEntry, Recorder } from './history';
import type { Random } from './random';
import type { ChaosUpstream } from './upstream/server';

export interface SceneTools {
  readonly processes: number;
  readonly random: Random;
  readonly record: Recorder;
  readonly onEntries: (entries: readonly HistoryEntry[]) => void;
}

export interface Scene {
  readonly channels: readonly ChannelPlan[];
  readonly crew: Crew;
  readonly server: ChaosUpstream;
  /** Between two faults, from and to, ms; several may be there at a time. */
  readonly faultMs: readonly [number, number];
  readonly valueBytes: readonly [number, number];
  makeFault(random: Random): void;
  /** Undoes all faults that do not end by plan, or begins to. */
  endFaults(): void;
  /** Whether everything except the members is there. */
  readonly isUp: boolean;
  /** Checks a history in which everybody has reported everything. */
  check(history: History): Violation[];
  /** Ends members and servers. Idempotent. */
  close(): Promise<void>;
}

export type OpenScene = (tools: SceneTools) => Promise<Scene>;

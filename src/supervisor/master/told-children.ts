// Publishes what happens to children on the telemetry channel `trunkline:child`, before the master hears of it.

import { childChannel, type ChildMessage } from '../../telemetry';
import type { Slot, SlotEvents } from './slot';

/** Events for the slots that are also published as telemetry. */
export function toldChildren(events: SlotEvents): SlotEvents {
  return {
    ...events,
    onStarted: (slot, child) => {
      tell(slot, child.pid, 'started');
      events.onStarted(slot, child);
    },
    onReady: (slot) => {
      tell(slot, slot.pid, 'ready');
      events.onReady(slot);
    },
    onGone: (slot, child) => {
      tell(slot, child.pid, 'gone');
      events.onGone(slot, child);
    },
    onEnded: (slot, child) => {
      tell(slot, child.pid, 'ended');
      events.onEnded(slot, child);
    },
  };
}

function tell({ name }: Slot, pid: number | undefined, state: ChildMessage['state']): void {
  if (childChannel.hasSubscribers) childChannel.publish({ name, pid, state });
}

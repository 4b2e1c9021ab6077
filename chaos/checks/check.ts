// All checks of a history.

import type { ChannelPlan } from '../channels';
import type { History, HistoryEntry } from '../history';
import { checkCalls } from './calls';
import { checkDelivery } from './delivery';
import { checkLife } from './life';
import { checkStreams } from './streams';
import { checkUpstreams } from './upstreams';
import type { Violation } from './violation';

/** Entries come from many processes, each process at a different pace. */
export function inOrder(entries: readonly HistoryEntry[]): History {
  return [...entries].sort((a, b) => a.at - b.at);
}

/** Checks what holds at any moment, even if reports are still on the way. */
export function checkSoFar(history: History): Violation[] {
  return [...checkDelivery(history), ...checkCalls(history), ...checkStreams(history), ...checkLife(history)];
}

/** What holds once everybody has reported everything. */
export function checkAll(history: History, channels: readonly ChannelPlan[]): Violation[] {
  return [...checkSoFar(history), ...checkUpstreams(history, channels)];
}

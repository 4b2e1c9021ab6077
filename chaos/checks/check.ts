// All checks of a history.

import type { ChannelPlan } from '../channels';
import type { History, HistoryEntry } from '../history';
import { checkCalls } from './calls';
import { checkDelivery } from './delivery';
import { checkLife } from './life';
import { checkUpstreams } from './upstreams';
import type { Violation } from './violation';

/** Entries come from many processes, each in its own time. */
export function inOrder(entries: readonly HistoryEntry[]): History {
  return [...entries].sort((a, b) => a.at - b.at);
}

/** What holds at any moment, whatever is still on its way here. */
export function checkSoFar(history: History): Violation[] {
  return [...checkDelivery(history), ...checkCalls(history), ...checkLife(history)];
}

/** What holds once everybody has reported everything. */
export function checkAll(history: History, channels: readonly ChannelPlan[]): Violation[] {
  return [...checkSoFar(history), ...checkUpstreams(history, channels)];
}

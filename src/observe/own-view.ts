// A look at this process alone: what the metrics of a process show that no supervisor has started.

import os from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { HostView } from '../host-view';
import { reportOfProcess } from '../process-report';
import { viewOfProcesses } from '../view/channels';

/** @returns reads one view after the other; the first says nothing of the event loop */
export function ownViews(): () => HostView {
  const delays = monitorEventLoopDelay();
  delays.enable();
  return () => {
    const view = viewOfProcesses([reportOfProcess(false)], os.hostname(), Date.now());
    const eventLoopDelayMs = delays.count > 0 ? Math.round(delays.max / 1e6) : undefined;
    delays.reset();
    const memoryBytes = process.memoryUsage.rss();
    return { ...view, processes: view.processes.map((own) => ({ ...own, memoryBytes, eventLoopDelayMs })) };
  };
}

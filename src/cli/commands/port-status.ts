// `trunkline status --port`: the processes that meet at a cluster port, which no `trunkline start` has started.

import { CommandFailure } from '../command-failure';
import { PortFailure, PortSource, type PortSourceOptions } from '../control/port-source';
import type { HostView } from '../../host-view';
import { channelsTable } from '../show/channels-view';
import { showAgain, type Output } from '../show/output';
import { processesTable } from '../show/processes-view';

export async function portStatus(options: PortSourceOptions, json: boolean, stdout: Output): Promise<void> {
  const view = await portOrFailure(() => new PortSource(options).read());
  stdout.write(`${json ? JSON.stringify(view) : textOf(view, stdout)}\n`);
}

/** Until nobody holds the port any more, or the signal. */
export async function watchPort(options: PortSourceOptions, json: boolean, stdout: Output, signal: AbortSignal): Promise<void> {
  await portOrFailure(async () => {
    for await (const view of new PortSource(options).watch(signal)) {
      showAgain(json ? JSON.stringify(view) : textOf(view, stdout), json, stdout);
    }
  });
}

function textOf(view: HostView, stdout: Output): string {
  const channels = channelsTable(view, stdout);
  return [processesTable(view, stdout), ...(channels === undefined ? [] : [channels])].join('\n\n');
}

/** @throws CommandFailure that says why nothing is seen at a port */
export async function portOrFailure<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof PortFailure)) throw error;
    throw error.isAbsent ? CommandFailure.notRunning(error.message) : CommandFailure.failed(error.message);
  }
}

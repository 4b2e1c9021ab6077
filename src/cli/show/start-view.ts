// What `trunkline start` shows, for each kind of reader.

import { formatBytes, formatDuration } from '../../quantities';
import type { Report, StartEvent, StartProgress, Step } from './events';
import { formatAddress } from '../../supervisor/host/format-address';
import type { Output } from './output';
import type { ApplicationStatus } from '../control/control-protocol';

/** A start that takes longer than this, ms, is reported with the slowest step. */
const SLOW_MS = 5_000;

/** As `agent ready 0.4 s · workers 3/4`. */
export function progressLine({ agent, agentTookMs, workersReady, workers, elapsedMs }: StartProgress): string {
  const ofAgent =
    agentTookMs === undefined ? `agent ${agent} ${formatDuration(elapsedMs)}` : `agent ready ${formatDuration(agentTookMs)}`;
  const ofWorkers = `workers ${workersReady}/${workers}`;
  return agent === undefined ? `${ofWorkers} ${formatDuration(elapsedMs)}` : `${ofAgent} · ${ofWorkers}`;
}

export function readyText(status: ApplicationStatus, tookMs: number, steps: readonly Step[]): string {
  const { address, processes, pid, clusterPort } = status;
  const where = address === undefined ? '' : ` on ${formatAddress(address)}`;
  const facts = [`pid ${pid}`, ...(clusterPort === undefined ? [] : [`cluster port ${clusterPort}`])];
  const lines = [`ready${where} after ${formatDuration(tookMs)} · ${facts.join(' · ')}`];
  const tookOf = new Map(steps.map((step) => [step.name, step.tookMs]));
  for (const each of processes) {
    const memory = each.memoryBytes === undefined ? '' : ` · ${formatBytes(each.memoryBytes)}`;
    lines.push(`  ${each.name} · pid ${each.pid} · ${formatDuration(tookOf.get(each.name) ?? 0)}${memory}`);
  }
  const [slowest] = steps;
  if (slowest && slowest.tookMs > SLOW_MS) lines.push(`slow: ${slowest.name} took ${formatDuration(slowest.tookMs)}`);
  return lines.join('\n');
}

/** How an application has ended, for users. */
export function stoppedText(forced: boolean): string {
  return forced ? 'stopped, but processes had to be killed' : 'stopped';
}

/** A JSON object a line. */
export function jsonView(stdout: Output): Report {
  return (event) => stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}

/** Lines with a time. @param stderr for lines that somebody should look at */
export function logView(stdout: Output, stderr: Output): Report {
  return (event) => {
    const target = event.event === 'log' || event.event === 'failed' ? stderr : stdout;
    target.write(`${new Date().toISOString()} [trunkline] ${textOf(event)}\n`);
  };
}

/**
 * For somebody who watches, a line for each change. No line is written over: the programs of the application write to the same
 * terminal, and that output would be glued to an overwritten line or lost.
 */
export function terminalView(stdout: Output, stderr: Output): Report {
  let told = '';
  let isStarting = true;
  return (event) => {
    if (event.event === 'progress') {
      const { agent, workersReady } = event.progress;
      const now = `${agent} ${workersReady}`;
      if (now !== told && isStarting) stdout.write(`${progressLine(event.progress)}\n`);
      told = now;
      return;
    }
    if (event.event === 'ready' || event.event === 'failed' || event.event === 'stopping') isStarting = false;
    const text = textOf(event);
    // The end of a process during a start is the failure of the start, which tells the whole reason.
    write(event, event.event === 'log' && isStarting ? text.split('\n', 1)[0]! : text);
  };
  function write(event: StartEvent, text: string): void {
    if (event.event === 'failed') stderr.write(`${stderr.style('red', 'trunkline:')} ${text}\n`);
    else if (event.event === 'log') stderr.write(`${stderr.style('yellow', '[trunkline]')} ${text}\n`);
    else if (event.event === 'ready') stdout.write(`${text.replace('ready', stdout.style('green', 'ready'))}\n`);
    else stdout.write(`${text}\n`);
  }
}

function textOf(event: StartEvent): string {
  switch (event.event) {
    case 'starting':
      return `starting ${event.name} · pid ${event.pid}`;
    case 'ready':
      return readyText(event.status, event.tookMs, event.steps);
    case 'failed':
    case 'log':
      return event.message;
    case 'process': {
      const { name, pid, state } = event.process;
      return `${name} ${state}${pid === undefined ? '' : ` · pid ${pid}`}`;
    }
    case 'reloading':
      return `${event.reason}: reloading`;
    case 'reloaded':
      return `reloaded after ${formatDuration(event.tookMs)}`;
    case 'dashboard':
      return `dashboard ${event.url}`;
    case 'stopping':
      return 'stopping …';
    case 'stopped':
      return stoppedText(event.forced);
    case 'progress':
      return progressLine(event.progress);
  }
}

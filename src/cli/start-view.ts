// What `trunkline start` shows, for each of its readers.

import { formatBytes } from '../supervisor/bytes';
import type { Report, StartEvent, StartProgress, Step } from './events';
import { formatAddress, formatDuration } from './format';
import type { Output } from './output';
import type { ApplicationStatus } from './control-protocol';

/** A start is worth a word about its slowest step when that took longer than this, ms. */
const SLOW_MS = 5_000;
/** How often the line with the progress is written again while nothing happens, ms: it holds a time. */
const REDRAW_MS = 500;
const CLEAR_LINE = '\r\u001b[2K';

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

/** How an application has ended, as users read it. */
export function stoppedText(forced: boolean): string {
  return forced ? 'stopped, but processes had to be killed' : 'stopped';
}

/** One JSON object a line. */
export function jsonView(stdout: Output): Report {
  return (event) => stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}

/** Lines with their time. @param stderr for what somebody should look at */
export function logView(stdout: Output, stderr: Output): Report {
  return (event) => {
    const target = event.event === 'log' || event.event === 'failed' ? stderr : stdout;
    target.write(`${new Date().toISOString()} [trunkline] ${textOf(event)}\n`);
  };
}

/** For somebody who watches: a line that is written over on a terminal, else a line for each change. */
export function terminalView(stdout: Output, stderr: Output): Report {
  let line: string | undefined;
  let told = '';
  let redraw: NodeJS.Timeout | undefined;
  let progress: StartProgress | undefined;
  let isStarting = true;
  const draw = (): void => {
    if (!progress) return;
    line = progressLine(progress).slice(0, stdout.columns - 1);
    stdout.write(`${CLEAR_LINE}${line}`);
  };
  const clear = (): void => {
    if (line !== undefined) stdout.write(CLEAR_LINE);
    line = undefined;
  };
  const onProgress = (now: StartProgress): void => {
    const drawnAt = performance.now();
    const key = `${now.agent} ${now.workersReady}`;
    if (stdout.isTty) {
      progress = now;
      clearInterval(redraw);
      redraw = setInterval(() => {
        progress = { ...now, elapsedMs: now.elapsedMs + performance.now() - drawnAt };
        draw();
      }, REDRAW_MS).unref();
      draw();
    } else if (key !== told) stdout.write(`${progressLine(now)}\n`);
    told = key;
  };
  return (event) => {
    if (event.event === 'progress') {
      onProgress(event.progress);
      return;
    }
    if (event.event === 'ready' || event.event === 'failed' || event.event === 'stopping') {
      clearInterval(redraw);
      progress = undefined;
      isStarting = false;
    }
    const text = textOf(event);
    clear();
    // The end of a process during a start is the failure of the start, which tells the whole reason.
    write(event, event.event === 'log' && isStarting ? text.split('\n', 1)[0]! : text);
    draw();
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
    case 'stopping':
      return 'stopping …';
    case 'stopped':
      return stoppedText(event.forced);
    case 'progress':
      return progressLine(event.progress);
  }
}

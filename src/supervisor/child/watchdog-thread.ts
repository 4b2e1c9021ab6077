// The thread of watchdog.ts. Watches whether the master is still the parent of this process, and whether the main thread still
// runs the event loop. Takes stack and profile of a blocked loop through the inspector and writes both down: no more. This works
// at once in any JavaScript, in regular expressions and in Atomics.wait; in a native call (JSON.parse, execSync, crypto, sort of
// numbers) only after the call has returned.

import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, writeSync } from 'node:fs';
import type { Debugger, Profiler } from 'node:inspector';
import type { Session } from 'node:inspector/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { workerData } from 'node:worker_threads';
import { fact } from '../../facts';
import { writeNew } from '../../own-file';

export interface ThreadData {
  readonly masterPid: number;
  readonly lookMs: number;
  readonly graceMs: number;
  /** 0: the loop is not judged. */
  readonly blockedMs: number;
  readonly profileFile: string;
  readonly stackFile: string;
  /** A single number: counts the signs of life of the loop. */
  readonly beats: Int32Array;
  /** A single number: 1 while an inspector is open. A process at a breakpoint looks blocked. */
  readonly isInspected: Int32Array;
}

/** How long the main thread may take to answer, ms. */
const ANSWER_MS = 2_000;
/** A stack that comes later than this, ms, had to wait for a native call to return. */
const AT_ONCE_MS = 200;
const PROFILE_MS = 1_000;
const SAMPLE_US = 1_000;

function watchMaster({ masterPid, lookMs, graceMs }: ThreadData): void {
  const timer = setInterval(() => {
    if (process.ppid === masterPid) return;
    clearInterval(timer);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs);
  }, lookMs);
}

/**
 * Silence is counted in looks, not by the clock: when the whole process does not run (stopped, asleep), this thread does not
 * look either, and the pause counts as a single look.
 */
function watchLoop({ lookMs, blockedMs, profileFile, stackFile, beats, isInspected }: ThreadData): void {
  let lastBeat: number | undefined;
  let silentMs = 0;
  let isKnown = false;
  setInterval(() => {
    const beat = Atomics.load(beats, 0);
    if (beat !== lastBeat || Atomics.load(isInspected, 0) === 1) {
      lastBeat = beat;
      silentMs = 0;
      isKnown = false;
      return;
    }
    silentMs += lookMs;
    if (silentMs < blockedMs || isKnown) return;
    isKnown = true;
    keepEvidence({ profileFile, stackFile }, silentMs, () => Atomics.load(beats, 0) === beat).catch((error: unknown) => {
      const line = `trunkline: no evidence of the blocked event loop of process ${process.pid}: ${String(error)}\n`;
      fact(() => writeSync(2, line)); // not the console, which needs the main thread; perhaps nobody reads any more
    });
  }, lookMs);
}

/** The stack is written before the profile is begun: nobody knows how long the process will live. */
async function keepEvidence(
  { profileFile, stackFile }: Pick<ThreadData, 'profileFile' | 'stackFile'>,
  silentMs: number,
  isBlocked: () => boolean,
): Promise<void> {
  const what = `${new Date().toISOString()} process ${process.pid}: the event loop has been blocked for ${Math.round(silentMs)} ms.`;
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connectToMainThread();
  try {
    const stack = await takeStack(session);
    if (!isBlocked()) write(stackFile, `${what}\nThen it went on, before its stack could be taken: it was in native code.\n`);
    else if (stack) write(stackFile, `${what}${stack.note}\n${stack.frames.join('\n')}\n`);
    else write(stackFile, `${what}\nNeither stack nor profile could be had within ${ANSWER_MS} ms: it is in native code.\n`);
    if (!stack || !isBlocked()) return;
    const profile = await takeProfile(session);
    if (profile) write(profileFile, JSON.stringify(profile));
  } finally {
    // Takes back requests that the main thread has not answered, and resumes a paused main thread.
    session.disconnect();
  }
}

interface Stack {
  readonly frames: readonly string[];
  /** What to keep in mind when reading. */
  readonly note: string;
}

/** @returns undefined when the main thread does not answer */
async function takeStack(session: Session): Promise<Stack | undefined> {
  const startedAt = performance.now();
  const urls = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
  const paused = new Promise<Stack>((resolve) => {
    session.on('Debugger.paused', ({ params }) => {
      unanswered(session.post('Debugger.resume')); // first of all, and also at a `debugger` statement
      const afterMs = Math.round(performance.now() - startedAt);
      const note = afterMs > AT_ONCE_MS ? `\nTaken ${afterMs} ms later, when a native call had returned:` : ' It is here:';
      resolve({ frames: params.callFrames.map((frame) => formatFrame(frame, urls)), note });
    });
  });
  unanswered(session.post('Debugger.enable'));
  unanswered(session.post('Debugger.pause'));
  const stack = await Promise.race([paused, delay(ANSWER_MS)]);
  if (stack) unanswered(session.post('Debugger.disable'));
  return stack ?? undefined;
}

/** @returns undefined when the main thread does not answer */
async function takeProfile(session: Session): Promise<Profiler.Profile | undefined> {
  unanswered(session.post('Profiler.enable'));
  // To begin to count calls, V8 drops all optimized code. A loop that was optimized on the run has no name in a profile.
  unanswered(session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: false }));
  unanswered(session.post('Profiler.stopPreciseCoverage'));
  unanswered(session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US }));
  unanswered(session.post('Profiler.start'));
  await delay(PROFILE_MS);
  const stopped = session.post('Profiler.stop');
  unanswered(stopped);
  return (await Promise.race([stopped, delay(ANSWER_MS)]))?.profile;
}

/** Callers that wait for the answer have a limit; an unanswered post fails when the session ends. */
function unanswered(answer: Promise<unknown>): void {
  answer.catch(() => undefined);
}

function formatFrame({ functionName, location, url }: Debugger.CallFrame, urls: ReadonlyMap<string, string>): string {
  const known = urls.get(location.scriptId) ?? url;
  const file = known.startsWith('file:') ? fileURLToPath(known) : known || '<anonymous>';
  // The inspector counts from 0.
  const where = `${file}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`;
  return `    at ${functionName || '<anonymous>'} (${where})`;
}

/** Writes a file that appears only when complete. Code and names of a program are for this user alone. */
function write(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${randomBytes(8).toString('hex')}.tmp`;
  writeNew(unfinished, content);
  renameSync(unfinished, file);
}

const data = workerData as ThreadData;
watchMaster(data);
if (data.blockedMs > 0) watchLoop(data);

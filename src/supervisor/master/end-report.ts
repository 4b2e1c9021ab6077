// What is known about the end of a process, in plain words for a line of the log. Pure.

export interface EndFacts {
  readonly code: number | null;
  readonly signal: string | null;
  /** The reason that the child gave, or that the killer of the child gave. */
  readonly reason: string | undefined;
  readonly wasKilledByUs: boolean;
  /** How many processes the kernel had killed for want of memory when the child was well, and now; undefined: not known. */
  readonly oomKillsBefore: number | undefined;
  readonly oomKillsNow: number | undefined;
}

/** `abort()` on Windows ends with a code: 128 and the number of SIGABRT. */
const SIGNAL_OF_CODE: Readonly<Record<number, string>> = { 134: 'SIGABRT' };

const SIGNAL_MEANS: Readonly<Record<string, string>> = {
  SIGABRT: 'aborted (SIGABRT)',
  SIGBUS: 'crashed with a bus error (SIGBUS)',
  SIGFPE: 'crashed with an arithmetic error (SIGFPE)',
  SIGILL: 'crashed at an illegal instruction (SIGILL)',
  SIGSEGV: 'crashed with a segmentation fault (SIGSEGV)',
  SIGTRAP: 'crashed at a failed check of V8 or native code (SIGTRAP)',
};

/** https://nodejs.org/api/process.html#exit-codes, restricted to codes that a child can have. */
const CODE_MEANS: Readonly<Record<number, string>> = {
  5: 'fatal error in V8',
  7: 'a handler of uncaught exceptions has thrown',
  9: 'invalid option of Node.js',
  12: 'invalid option of the inspector',
  13: 'a top-level await never settled',
};

/** What ended a process, as one of few words: metrics count ends by this word. */
export type EndKind = 'exit' | 'signal' | 'out of memory' | 'killed by master' | 'not started' | 'disconnected';

export function endKindOf({ code, signal, wasKilledByUs, oomKillsBefore, oomKillsNow }: EndFacts): EndKind {
  if (code === null && signal === null) return 'not started';
  if (signal === null) return 'exit';
  if (signal !== 'SIGKILL') return 'signal';
  if (wasKilledByUs) return 'killed by master';
  return isOom(oomKillsBefore, oomKillsNow) ? 'out of memory' : 'signal';
}

function isOom(before: number | undefined, now: number | undefined): boolean {
  return before !== undefined && now !== undefined && now > before;
}

/** @returns what comes after the name of the process, as in `worker 1 …` */
export function describeEnd(facts: EndFacts): string {
  const { code, signal, reason } = facts;
  const because = reason === undefined ? '' : `: ${reason}`;
  if (code === null && signal === null) return `could not be started${because}`;
  const by = signal ?? SIGNAL_OF_CODE[code!];
  if (by === undefined) {
    const meaning = because === '' ? CODE_MEANS[code!] : undefined;
    return `ended with code ${code}${meaning === undefined ? because : ` (if that code is Node.js's: ${meaning})`}`;
  }
  if (by === 'SIGKILL') return `${killed(facts)}${because}`;
  // V8 writes the cause to stderr and tells nobody else.
  if (by === 'SIGABRT' && because === '') {
    return 'aborted (SIGABRT), as V8 does when its heap is full (see stderr, and --max-old-space-size)';
  }
  return `${SIGNAL_MEANS[by] ?? `was ended by ${by}`}${because}`;
}

function killed({ wasKilledByUs, oomKillsBefore, oomKillsNow }: EndFacts): string {
  if (wasKilledByUs) return 'was killed by its master (SIGKILL)';
  if (isOom(oomKillsBefore, oomKillsNow)) {
    return `was killed by the kernel for want of memory (oom_kill ${oomKillsBefore} → ${oomKillsNow})`;
  }
  return 'was killed by SIGKILL';
}

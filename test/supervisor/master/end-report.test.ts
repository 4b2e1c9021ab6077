import { describeEnd, type EndFacts } from '../../../src/supervisor/master/end-report';

const ended = (facts: Partial<EndFacts>): string =>
  describeEnd({
    code: null,
    signal: null,
    reason: undefined,
    wasKilledByUs: false,
    oomKillsBefore: undefined,
    oomKillsNow: undefined,
    ...facts,
  });

test.each<[Partial<EndFacts>, string]>([
  [{ code: 0 }, 'ended with code 0'],
  [{ code: 1 }, 'ended with code 1'],
  [{ code: 1, reason: 'Error: no database' }, 'ended with code 1: Error: no database'],
  [{ code: 13 }, "ended with code 13 (if that code is Node.js's: a top-level await never settled)"],
  [{ code: 13, reason: 'Error: mine' }, 'ended with code 13: Error: mine'],
  [{}, 'could not be started'],
  [{ reason: 'spawn EAGAIN' }, 'could not be started: spawn EAGAIN'],
  [{ signal: 'SIGTERM' }, 'was ended by SIGTERM'],
  [{ signal: 'SIGUSR2', reason: 'Error: mine' }, 'was ended by SIGUSR2: Error: mine'],
  [{ code: 143 }, 'ended with code 143'],
  [{ signal: 'SIGSEGV' }, 'crashed with a segmentation fault (SIGSEGV)'],
  [{ signal: 'SIGBUS' }, 'crashed with a bus error (SIGBUS)'],
  [{ signal: 'SIGILL' }, 'crashed at an illegal instruction (SIGILL)'],
  [{ signal: 'SIGABRT' }, 'aborted (SIGABRT), as V8 does when its heap is full (see stderr, and --max-old-space-size)'],
  [{ code: 134 }, 'aborted (SIGABRT), as V8 does when its heap is full (see stderr, and --max-old-space-size)'],
  [{ signal: 'SIGABRT', reason: 'Error: mine' }, 'aborted (SIGABRT): Error: mine'],
])('%j: %s', (facts, words) => {
  expect(ended(facts)).toBe(words);
});

describe('SIGKILL', () => {
  it('is the kernel when its counter has grown', () => {
    const words = 'was killed by the kernel for want of memory (oom_kill 3 → 4)';
    expect(ended({ signal: 'SIGKILL', oomKillsBefore: 3, oomKillsNow: 4 })).toBe(words);
  });

  it.each([
    [3, 3],
    [undefined, 4],
    [3, undefined],
    [undefined, undefined],
  ])('is somebody when the counter went from %p to %p', (oomKillsBefore, oomKillsNow) => {
    expect(ended({ signal: 'SIGKILL', oomKillsBefore, oomKillsNow })).toBe('was killed by SIGKILL');
  });

  it('is the master when the master did it, whatever the counter says', () => {
    const reason = 'not ready after 60000 ms (startTimeout)';
    expect(ended({ signal: 'SIGKILL', wasKilledByUs: true, reason, oomKillsBefore: 3, oomKillsNow: 4 })).toBe(
      `was killed by its master (SIGKILL): ${reason}`,
    );
  });
});

test('a counter that has grown says nothing about another end', () => {
  expect(ended({ code: 1, oomKillsBefore: 3, oomKillsNow: 4 })).toBe('ended with code 1');
});

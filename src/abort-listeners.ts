// Waiting for an AbortSignal with a single listener at the signal, whatever the number of those that wait: node warns of a leak when
// a signal has more than ten listeners, and a program has one signal for all calls that it makes.

interface Waiting {
  readonly runs: Set<() => void>;
  readonly listener: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Runs a function once, when the signal is aborted. The signal must not be aborted yet.
 * @param run must not throw
 * @returns ends the waiting
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  const { runs, listener } = waiting.get(signal) ?? begin(signal);
  const own = (): void => run(); // the same function may wait twice
  runs.add(own);
  return () => {
    if (!runs.delete(own) || runs.size > 0) return;
    signal.removeEventListener('abort', listener);
    waiting.delete(signal);
  };
}

function begin(signal: AbortSignal): Waiting {
  const runs = new Set<() => void>();
  const listener = (): void => {
    waiting.delete(signal);
    const all = [...runs];
    runs.clear();
    for (const run of all) run();
  };
  signal.addEventListener('abort', listener, { once: true });
  const begun = { runs, listener };
  waiting.set(signal, begun);
  return begun;
}

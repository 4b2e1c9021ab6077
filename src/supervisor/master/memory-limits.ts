// When a child uses too much memory. Pure.

export interface MemoryLimits {
  readonly maxMemoryBytes: number | undefined;
  readonly hardMaxMemoryBytes: number | undefined;
}

/** A child that became ready less than this ago, ms, is not replaced gently: the next child would need as much. */
const GRACE_MS = 10_000;

/** @returns `too much`: the child must end now; `much`: the child should be replaced without losing a request */
export function judgeMemory(
  memoryBytes: number,
  readyForMs: number | undefined,
  limits: MemoryLimits,
): 'too much' | 'much' | undefined {
  const { maxMemoryBytes = Infinity, hardMaxMemoryBytes = Infinity } = limits;
  if (memoryBytes > hardMaxMemoryBytes) return 'too much';
  return memoryBytes > maxMemoryBytes && readyForMs !== undefined && readyForMs >= GRACE_MS ? 'much' : undefined;
}

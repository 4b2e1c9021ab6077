// Looks at the memory that children report: a worker that uses much is replaced, a child that uses too much is killed.

import type { Logger } from '../../logger';
import { formatBytes } from '../../quantities';
import type { Health } from '../messaging/messages';
import type { ChildHandle } from './child-handle';
import { judgeMemory } from './memory-limits';
import type { Slot } from './slot';

export interface MemoryWatchOptions {
  readonly limits: Parameters<typeof judgeMemory>[2];
  readonly logger: Logger;
  /** Replaces the child of the slot without losing a request. */
  readonly replace: (slot: Slot) => Promise<void>;
}

export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #trimming = new Set<Slot>();

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  onHealth(slot: Slot, child: ChildHandle, { memoryBytes }: Health): void {
    const { limits, logger, replace } = this.#options;
    if (memoryBytes === undefined) return;
    const verdict = judgeMemory(memoryBytes, child.readyForMs, limits);
    if (verdict === 'too much') child.kill(`it used ${formatBytes(memoryBytes)} of memory (hardMaxMemory)`);
    if (verdict !== 'much' || slot.kind === 'agent' || slot.readyChild !== child || this.#trimming.has(slot)) return;
    this.#trimming.add(slot);
    logger.warn(`${slot.name}: uses ${formatBytes(memoryBytes)} of memory (maxMemory) and will be replaced; pid=${child.pid}`);
    replace(slot)
      .catch((error: unknown) => logger.error(String(error)))
      .finally(() => this.#trimming.delete(slot));
  }
}

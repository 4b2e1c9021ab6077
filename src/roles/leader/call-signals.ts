// The AbortSignals that methods of the upstream client get in place of the signals of a follower: aborted when the follower aborts, or
// is gone.

import type { Abort, CallSignals as Announced } from '../../../protocol/message';
import { placeSignal } from '../taken-signals';

export class CallSignals {
  /** Told for the call that comes next. */
  #announced: Announced | undefined;
  /** By the id of a call that is under way. */
  readonly #underWay = new Map<number, AbortController[]>();

  announce(message: Announced): void {
    this.#announced = message;
  }

  /**
   * Puts signals where the caller had signals.
   * @param args changed
   * @returns whether there are any; then `end` must be called when the call has ended
   */
  begin(id: number, args: unknown[]): boolean {
    const announced = this.#announced;
    this.#announced = undefined;
    if (announced?.id !== id) return false;
    const controllers: AbortController[] = [];
    for (const place of announced.places) placeSignal(args, place, (controllers[place.signal] ??= new AbortController()).signal);
    this.#underWay.set(id, controllers);
    return true;
  }

  /** @param reason reads the reason of the follower */
  abort({ id, signal }: Abort, reason: () => unknown): void {
    const controller = this.#underWay.get(id)?.[signal];
    if (controller && !controller.signal.aborted) controller.abort(reason());
  }

  end(id: number): void {
    this.#underWay.delete(id);
  }

  /** The follower is gone: nobody waits for its calls. */
  abortAll(reason: unknown): void {
    const all = [...this.#underWay.values()].flat();
    this.#underWay.clear();
    for (const controller of all) controller.abort(reason);
  }
}

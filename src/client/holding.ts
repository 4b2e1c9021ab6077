// What keeps the process alive for a client: one handle of its own, and the upstream client if that can be told. Sockets, ports and
// timers of trunkline never do, so `ref()` and `unref()` are one switch for all of them.

import { clearInterval, setInterval } from 'node:timers';
import { nativePromise } from '../roles/local/upstream-method';
import { LONGEST_TIMER_MS } from '../time';

/** An upstream client that can be told whether it keeps the process alive. */
interface Referable {
  ref(): unknown;
  unref(): unknown;
}

interface Held {
  /** The clients of this process for which the upstream client keeps the process alive; several share one in single mode. */
  readonly holders: Set<Holding>;
  isUnref: boolean;
}

const upstreams = new WeakMap<Referable, Held>();

export interface HoldingOptions {
  /** Whether the client keeps the process alive if the user has said nothing; asked at each `check`. */
  readonly isNeeded: () => boolean;
  /** Gets what `ref` and `unref` of an upstream client throw, or reject with. */
  readonly onError: (error: unknown) => void;
}

export class Holding {
  readonly #options: HoldingOptions;
  readonly #upstreams = new Set<Referable>();
  #wish: 'default' | 'ref' | 'unref' = 'default';
  #handle: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  wish(wish: 'ref' | 'unref'): void {
    this.#wish = wish;
    for (const upstreamClient of this.#upstreams) this.#tell(upstreamClient);
    this.check();
  }

  /** Something may have changed. */
  check(): void {
    if (!this.#isEnding) this.#hold(this.#wish === 'default' ? this.#options.isNeeded() : this.#wish === 'ref');
  }

  /** Keeps the process alive until the end, whatever was said: whoever waits for `close()` must hear of it. @returns the end */
  holdToEnd(): () => void {
    this.#isEnding = true;
    this.#hold(true);
    return () => this.#hold(false);
  }

  /** The upstream client is in this process. @returns to be called when this client has no part in it any more */
  add(upstreamClient: object): () => void {
    if (!isReferable(upstreamClient)) return () => undefined;
    this.#upstreams.add(upstreamClient);
    this.#tell(upstreamClient);
    return () => {
      this.#upstreams.delete(upstreamClient);
      upstreams.get(upstreamClient)?.holders.delete(this);
    };
  }

  #tell(upstreamClient: Referable): void {
    const held = upstreams.get(upstreamClient) ?? { holders: new Set(), isUnref: false };
    upstreams.set(upstreamClient, held);
    if (this.#wish === 'unref') held.holders.delete(this);
    else held.holders.add(this);
    const isUnref = held.holders.size === 0;
    if (isUnref === held.isUnref) return;
    held.isUnref = isUnref;
    const { onError } = this.#options;
    try {
      nativePromise(isUnref ? upstreamClient.unref() : upstreamClient.ref()).catch(onError);
    } catch (error) {
      onError(error);
    }
  }

  #hold(isHeld: boolean): void {
    if (isHeld) this.#handle ??= setInterval(() => undefined, LONGEST_TIMER_MS);
    else {
      clearInterval(this.#handle);
      this.#handle = undefined;
    }
  }
}

function isReferable(value: object): value is Referable {
  const { ref, unref } = value as Partial<Referable>;
  return typeof ref === 'function' && typeof unref === 'function';
}

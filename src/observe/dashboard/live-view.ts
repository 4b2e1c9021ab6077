// The newest view of the host, for everybody who looks at the dashboard. Watches the source only while somebody looks and a while
// after, says when the source is gone, tries again until it is back, and keeps the points of the series for those who come later.

import { HostHistory } from '../../view/host-history';
import type { HostSample } from '../../view/host-rates';
import type { HostView, HostViewSource } from '../../host-view';
import { delay, systemClock } from '../../time';

/** What can be shown at a moment. */
export type Outlook =
  | { readonly state: 'waiting' }
  | { readonly state: 'live'; readonly view: HostView }
  /** `view`: the last one, if there was any. `since`: ms since 1970. */
  | { readonly state: 'lost'; readonly error: string; readonly since: number; readonly view: HostView | undefined };

/** How long a source that is gone is left alone before the next try, ms. */
const RETRY_MS = 500;
/** Somebody who loads the page again finds the series complete, ms. */
const LINGER_MS = 60_000;

export class LiveView {
  readonly #source: HostViewSource;
  readonly #viewers = new Set<(outlook: Outlook) => void>();
  readonly #history = new HostHistory();
  #outlook: Outlook = { state: 'waiting' };
  #watching: AbortController | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(source: HostViewSource) {
    this.#source = source;
  }

  get outlook(): Outlook {
    return this.#outlook;
  }

  /** The points of the last minutes, the oldest first. */
  get history(): readonly HostSample[] {
    return this.#history.points;
  }

  /** @param tell is told of each change, not of the present outlook @returns ends that */
  look(tell: (outlook: Outlook) => void): () => void {
    clearTimeout(this.#linger);
    this.#viewers.add(tell);
    if (!this.#watching) {
      this.#watching = new AbortController();
      void this.#watch(this.#watching.signal);
    }
    return () => {
      if (this.#viewers.delete(tell) && this.#viewers.size === 0) {
        this.#linger = setTimeout(() => this.close(), LINGER_MS).unref();
      }
    };
  }

  close(): void {
    clearTimeout(this.#linger);
    this.#watching?.abort();
    this.#watching = undefined;
    this.#outlook = { state: 'waiting' };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let error = 'the source of the view has ended';
      try {
        for await (const view of this.#source.watch(signal)) {
          if (signal.aborted) return;
          this.#onView(view);
        }
      } catch (thrown) {
        error = thrown instanceof Error ? thrown.message : String(thrown);
      }
      if (signal.aborted) return;
      this.#onLost(error);
      await delay(systemClock, RETRY_MS, signal);
    }
  }

  #onView(view: HostView): void {
    this.#history.take(view);
    this.#tell({ state: 'live', view });
  }

  #onLost(error: string): void {
    const before = this.#outlook;
    if (before.state === 'lost' && before.error === error) return;
    const since = before.state === 'lost' ? before.since : Date.now();
    this.#history.interrupt();
    this.#tell({ state: 'lost', error, since, view: before.state === 'waiting' ? undefined : before.view });
  }

  #tell(outlook: Outlook): void {
    this.#outlook = outlook;
    for (const tell of this.#viewers) tell(outlook);
  }
}

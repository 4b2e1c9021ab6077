// Looks at an application through its control socket.

import type { HostView, HostViewSource } from '../../host-view';
import { ControlClient } from './control-client';

export class ControlSource implements HostViewSource {
  readonly #path: string;

  /** @param path of the control socket */
  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<HostView> {
    const client = await this.#connect();
    try {
      return await client.view();
    } finally {
      client.close();
    }
  }

  async *watch(signal: AbortSignal): AsyncGenerator<HostView, void, void> {
    if (signal.aborted) return;
    const client = await this.#connect();
    const close = (): void => client.close();
    signal.addEventListener('abort', close, { once: true });
    /** The newest view that was not taken yet: a slow reader gets no old views. */
    let newest: HostView | undefined;
    let failure: Error | undefined;
    let wake: () => void = () => undefined;
    client
      .watch((view) => {
        newest = view;
        wake();
      })
      .catch((error: Error) => {
        failure = error;
        wake();
      });
    try {
      for (;;) {
        if (!newest && !failure && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
        if (signal.aborted) return;
        if (!newest) throw failure!;
        const view = newest;
        newest = undefined;
        yield view;
      }
    } finally {
      signal.removeEventListener('abort', close);
      client.close();
    }
  }

  async #connect(): Promise<ControlClient> {
    const client = await ControlClient.connect(this.#path);
    if (typeof client !== 'string') return client;
    throw new Error(
      client === 'busy'
        ? `the master at ${this.#path} takes no more connections`
        : `no application answers at ${this.#path}; it is not running, or its control socket was removed`,
    );
  }
}

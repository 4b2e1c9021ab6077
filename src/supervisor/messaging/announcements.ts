// What the master tells the processes of an application about each other, and tells the parent process: the messages of
// egg-cluster 2.x, which frameworks wait for. Programs without a framework get the same messages.

import type { AppMessage } from './messages';
import { senderOf } from './routing';

type Send = (message: AppMessage) => void;

export interface Ready {
  readonly port: number | undefined;
  readonly debugPort: unknown;
  readonly address: string | undefined;
  readonly protocol: 'http' | 'https';
}

export class Announcements {
  readonly #send: Send;
  /** What frameworks get with `egg-ready`. */
  readonly #options: () => unknown;
  #isStarted = false;

  constructor(send: Send, options: () => unknown) {
    this.#send = send;
    this.#options = options;
  }

  /** The first start is done. */
  started(ready: Ready): void {
    this.#isStarted = true;
    this.#send({ action: 'egg-ready', to: 'parent', data: ready });
    this.#send({ action: 'egg-ready', to: 'app', data: this.#options() });
    this.#send({ action: 'egg-ready', to: 'agent', data: this.#options() });
  }

  agentReady(pid: number, workers: readonly number[]): void {
    this.#send({ action: 'egg-pids', to: 'app', data: [pid] });
    if (this.#isStarted) {
      this.#send({ action: 'egg-pids', to: 'agent', data: workers });
      this.#send({ action: 'egg-ready', to: 'agent', data: this.#options() });
    }
    this.#send({ action: 'agent-start', to: 'app' });
  }

  /** @param agent the next agent, if there is a next agent already */
  agentGone(agent: number | undefined, isExpected: boolean): void {
    this.#send({ action: 'egg-pids', to: 'app', data: agent === undefined ? [] : [agent] });
    if (this.#isStarted && !isExpected) this.#send({ action: 'agent-worker-died', to: 'parent' });
  }

  /** A worker gets no message about the agent that was ready before, as with egg-cluster: only about the next agent. */
  workerReady(pid: number, workers: readonly number[]): void {
    this.#send({ action: 'egg-pids', to: 'agent', data: workers });
    if (this.#isStarted) this.#send({ action: 'egg-ready', receiverPid: String(pid), data: this.#options() });
  }

  workerGone(workers: readonly number[], isExpected: boolean): void {
    this.#send({ action: 'egg-pids', to: 'agent', data: workers });
    if (this.#isStarted && !isExpected) this.#send({ action: 'app-worker-died', to: 'parent' });
  }

  /** A child can be debugged on this port. */
  debug(kind: 'agent' | 'worker', debugPort: number, pid: number | undefined): void {
    this.#send({ action: 'debug', to: 'parent', from: senderOf(kind), data: { debugPort, pid } });
  }
}

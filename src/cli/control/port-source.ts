// Looks at the processes that meet at a cluster port, through the process that holds the port: for processes without a supervisor.

import os from 'node:os';
import { formatEndpoint, loopback } from '../../endpoint';
import { temporaryFolder } from '../../facts';
import type { HostView, HostViewSource } from '../../host-view';
import { delay, systemClock } from '../../time';
import { approach } from '../../transport/approach';
import type { Connection } from '../../transport/connection';
import { sharedSecret } from '../../transport/credentials';
import { HOP_MS } from '../../transport/looks';
import type { Introduction } from '../../transport/introduction';
import { reportsAt, viewOfProcesses } from '../../view/channels';

export interface PortSourceOptions {
  readonly port: number;
  /** As the option `secret` of the clients; undefined: the file of this user. */
  readonly secret: string | undefined;
  /** XDG_RUNTIME_DIR. */
  readonly runtimeFolder: string | undefined;
}

/** The holder of the port, the leaders that have announced themselves, and the followers of these. */
const HOPS = 2;
const CONNECT_MS = 1_000;
/** The holder may take the time of its hops, and that of a busy machine. */
const ANSWER_MS = HOP_MS * HOPS + 2_000;
/** A process tells nothing by itself over the port: a watch asks again after this time, ms. */
const AGAIN_MS = 500;

/** Why a port cannot be looked at. `absent`: nobody listens there. */
export class PortFailure extends Error {
  readonly isAbsent: boolean;

  constructor(message: string, isAbsent = false) {
    super(message);
    this.isAbsent = isAbsent;
  }
}

export class PortSource implements HostViewSource {
  readonly #options: PortSourceOptions;

  constructor(options: PortSourceOptions) {
    this.#options = options;
  }

  /** @throws PortFailure */
  read(): Promise<HostView> {
    return this.#read(AbortSignal.timeout(ANSWER_MS + CONNECT_MS));
  }

  async *watch(signal: AbortSignal): AsyncGenerator<HostView, void, void> {
    while (!signal.aborted) {
      const view = await this.#read(AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS + CONNECT_MS)])).catch(
        (error: unknown) => {
          if (signal.aborted) return undefined;
          throw error;
        },
      );
      if (!view) return;
      yield view;
      await delay(systemClock, AGAIN_MS, signal);
    }
  }

  async #read(signal: AbortSignal): Promise<HostView> {
    const { port, secret, runtimeFolder } = this.#options;
    const credentials = {
      label: 'look',
      secret: () => sharedSecret({ port, secret, runtimeFolder, temporaryFolder: temporaryFolder() }),
    };
    const settings = { connectTimeoutMs: CONNECT_MS, heartbeatIntervalMs: undefined, clock: systemClock };
    const outcome = await approach<HostView>(
      { endpoint: loopback(port), credentials, settings, channel: 'trunkline status', timeoutMs: ANSWER_MS, signal },
      (introduction, connection) => this.#ask(introduction, connection, signal),
      () => false,
    );
    if ('unreachable' in outcome) throw new PortFailure(`nobody listens on ${this.#where}`, true);
    return outcome;
  }

  async #ask(introduction: Introduction, connection: Connection, signal: AbortSignal): Promise<HostView> {
    switch (introduction.kind) {
      case 'known':
        if (!introduction.looks)
          throw new PortFailure(
            `the process that holds ${this.#where} is of an earlier version of trunkline, which tells nothing; update it`,
          );
        return await this.#look(connection, signal);
      case 'legacy':
        throw new PortFailure(`the process that holds ${this.#where} is of cluster-client 3.x, which tells nothing`);
      case 'unproven':
        throw new PortFailure(
          `the process that holds ${this.#where} does not belong to this user: ${introduction.why}; ${REMEDY}`,
        );
      case 'foreign':
        throw new PortFailure(
          `${this.#where} is held by another program, or by a process that is blocked or stopped: it ${introduction.heard}`,
        );
      case 'gone':
        throw new PortFailure(`the process that holds ${this.#where} gave no answer`);
    }
  }

  async #look(connection: Connection, signal: AbortSignal): Promise<HostView> {
    const refused = new Promise<string>((resolve) => {
      connection.receiver = (message) => {
        if (message.type === 'refusal') resolve(message.sentence);
      };
    });
    const late = new Promise<'late'>((resolve) => signal.addEventListener('abort', () => resolve('late'), { once: true }));
    const answer = await Promise.race([connection.look(HOPS), refused, late]);
    if (answer === 'late')
      throw new PortFailure(`the process that holds ${this.#where} gave no answer; it is blocked, or stopped`);
    if (typeof answer === 'string')
      throw new PortFailure(`the process that holds ${this.#where} does not accept this one: ${answer}; ${REMEDY}`);
    if (answer.length === 0) throw new PortFailure(`the process that holds ${this.#where} has gone`);
    return viewOfProcesses(reportsAt(this.#options.port, answer), os.hostname(), Date.now());
  }

  get #where(): string {
    return `cluster port ${formatEndpoint(loopback(this.#options.port))}`;
  }
}

const REMEDY =
  'run this command as the user of that process, with the same TRUNKLINE_SECRET, if there is one; an application that trunkline start has started is shown by trunkline status without --port';

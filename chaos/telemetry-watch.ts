// A subscriber on every telemetry channel of a process, so that all of a run happens with subscribers. Reports what is wrong with the
// messages themselves: a trace that ends twice, or without a beginning, or not at all.

import diagnostics from 'node:diagnostics_channel';
import { callChannel, upstreamCallChannel, type TelemetryMessages, type Tracing } from '../src/telemetry';

const PLAIN: Readonly<Record<keyof TelemetryMessages, true>> = {
  'trunkline:event': true,
  'trunkline:role': true,
  'trunkline:handoff': true,
  'trunkline:upstream': true,
  'trunkline:outbox': true,
  'trunkline:child': true,
  'trunkline:fleet': true,
};

interface Traced {
  readonly channel: string;
  readonly method: string;
  readonly oneway?: boolean;
}

export class TelemetryWatch {
  readonly #report: (message: string) => void;
  readonly #underWay = new Set<Traced>();

  /** @param report gets a sentence for each message that should not be */
  constructor(report: (message: string) => void) {
    this.#report = report;
    for (const name of Object.keys(PLAIN)) diagnostics.subscribe(name, (message) => this.#onMessage(name, message));
    this.#follow('trunkline:call', callChannel);
    this.#follow('trunkline:upstream-call', upstreamCallChannel);
  }

  /** Everything is closed: nothing may be under way any more. */
  finish(): void {
    for (const { channel, method } of this.#underWay) this.#report(`the trace of ${method} of ${channel} has not ended`);
    this.#underWay.clear();
  }

  #onMessage(name: string, message: unknown): void {
    const { channel, name: child, group } = message as { channel?: unknown; name?: unknown; group?: unknown };
    const subject = channel ?? child ?? group;
    if (typeof subject !== 'string') this.#report(`a message of ${name} does not say what it is about`);
  }

  #follow(name: string, traces: Tracing<Traced>): void {
    const ends = (message: Traced): void => {
      if (!this.#underWay.delete(message)) this.#report(`a trace of ${name} ends, ${message.method}, that is not under way`);
    };
    traces.subscribe({
      start: (message) => {
        this.#onMessage(name, message);
        this.#underWay.add(message);
      },
      end: (message) => {
        if (message.oneway) ends(message);
      },
      asyncStart: () => undefined,
      asyncEnd: ends,
      error: () => undefined,
    });
  }
}

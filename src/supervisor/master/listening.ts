// Where a child listens, and whether that is where the application is expected.

import type { Address } from '../messaging/messages';
import { mastersOwn } from './port-hint';

export interface ExpectedListening {
  /** Whether a listening server makes the child ready; other children report readiness. */
  readonly isReadyWhenListening: boolean;
  /** The port where the application is expected; a server elsewhere (metrics, administration) is not the application. */
  readonly applicationPort: number | undefined;
  /** A port that the master reserves: a child must not listen there. */
  readonly mastersPort: number | undefined;
}

export class Listening {
  readonly #expected: ExpectedListening;
  #address: Address | undefined;
  /** The first server that is not the application. */
  #elsewhere: Address | undefined;

  constructor(expected: ExpectedListening) {
    this.#expected = expected;
  }

  /** The address of the application. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** The child names the address of the application itself. */
  onNamed(address: Address): void {
    this.#address = address;
  }

  /** Why the child must not listen there, in words that follow the name of the child; undefined: it may. */
  objectionTo(address: Address): string | undefined {
    const port = portOf(address);
    if (port === undefined || port !== this.#expected.mastersPort) return undefined;
    return `it listens on port ${port}, but ${mastersOwn(port)}`;
  }

  /** A server of the child listens. */
  note(address: Address): 'application' | 'elsewhere' {
    const { applicationPort } = this.#expected;
    if (applicationPort === undefined || portOf(address) === applicationPort) {
      this.#address ??= address;
      return 'application';
    }
    this.#elsewhere ??= address;
    return 'elsewhere';
  }

  /** Why the child is not ready yet, in words that follow the name of the child. */
  get whyNotReady(): string {
    if (!this.#expected.isReadyWhenListening) return 'it has not said that it is ready';
    if (this.#elsewhere === undefined) return 'it neither listens nor calls ready()';
    const where = typeof this.#elsewhere === 'string' ? this.#elsewhere : `port ${this.#elsewhere.port}`;
    const expected = `port ${this.#expected.applicationPort}, which makes it ready`;
    return `it listens on ${where}, but not on ${expected}; it may also call ready()`;
  }
}

function portOf(address: Address): number | undefined {
  return typeof address === 'object' ? address.port : undefined;
}

// What the calls of a mock do: the standing answer of each method, and what the test has said of the next calls.

import { TrunklineError } from '../errors';

/** A call that waits until the test lets the call go on. There is no timer: the call waits as long as the test wants. */
export class HeldCall<A extends readonly unknown[] = unknown[]> {
  /** Resolves with the arguments when the call has been made. */
  readonly made: Promise<A>;
  /** Settles when the call goes on. @internal */
  readonly goesOn: Promise<void>;
  #onMade!: (args: A) => void;
  #onRelease!: () => void;
  #onFail!: (error: unknown) => void;

  /** @internal */
  constructor() {
    this.made = new Promise((resolve) => {
      this.#onMade = resolve;
    });
    this.goesOn = new Promise((resolve, reject) => {
      this.#onRelease = resolve;
      this.#onFail = reject;
    });
    this.goesOn.catch(() => undefined); // the call may never be made
  }

  /** The call goes on with the answer of the method. */
  release(): void {
    this.#onRelease();
  }

  /** The call is rejected. */
  fail(error: unknown): void {
    this.#onFail(error);
  }

  /** @internal */
  begin(args: A): void {
    this.#onMade(args);
  }
}

type Step = { readonly error: unknown } | { readonly value: unknown } | { readonly held: HeldCall };

export class MockScript {
  readonly #className: string;
  readonly #answers = new Map<string, unknown>();
  readonly #steps = new Map<string, Step[]>();

  constructor(className: string) {
    this.#className = className;
  }

  answer(method: string, answer: unknown): void {
    this.#answers.set(method, answer);
  }

  next(method: string, step: Step): void {
    this.#steps.set(method, [...(this.#steps.get(method) ?? []), step]);
  }

  /** Forgets everything that the test has said. */
  clear(): void {
    this.#answers.clear();
    this.#steps.clear();
  }

  /**
   * What a call gives.
   * @param otherwise what a call does that the test has said nothing of; undefined: such a call is an error
   * @returns the answer, or a promise of the answer @throws what the test wants the call to throw
   */
  run(method: string, args: unknown[], otherwise?: () => unknown): unknown {
    const [step, ...later] = this.#steps.get(method) ?? [];
    if (!step) return this.#answer(method, args, otherwise);
    this.#steps.set(method, later);
    if ('error' in step) throw step.error;
    if ('value' in step) return step.value;
    step.held.begin(args);
    return step.held.goesOn.then(() => this.#answer(method, args, otherwise));
  }

  #answer(method: string, args: unknown[], otherwise: (() => unknown) | undefined): unknown {
    const answer = this.#answers.get(method);
    if (typeof answer === 'function') return (answer as (...args: unknown[]) => unknown)(...args);
    if (this.#answers.has(method)) return answer;
    if (otherwise) return otherwise();
    const name = this.#className;
    const message = `mock of ${name}: ${method}() was called, and the test has not said what it gives; call mock.answer('${method}', …)`;
    throw new TrunklineError('ERR_TRUNKLINE_MOCK_UNANSWERED', message, { class: name, method });
  }
}

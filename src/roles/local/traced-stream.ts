// A stream of the upstream client whose work is a part of a trace: each step runs in the span, and the span ends with the stream.

import type { ServedSpan } from '../../call-tracer';
import type { StreamReader, StreamStep } from '../role';

export class TracedStream implements StreamReader {
  readonly #stream: StreamReader;
  readonly #span: ServedSpan;

  constructor(stream: StreamReader, span: ServedSpan) {
    this.#stream = stream;
    this.#span = span;
  }

  next(): Promise<StreamStep> {
    return this.#step(() => this.#stream.next());
  }

  return(value: unknown): Promise<StreamStep> {
    return this.#step(() => this.#stream.return(value));
  }

  throw(error: unknown): Promise<StreamStep> {
    return this.#step(() => this.#stream.throw(error));
  }

  abandon(): void {
    this.#span.run(() => this.#stream.abandon());
    this.#span.end();
  }

  async #step(run: () => Promise<StreamStep>): Promise<StreamStep> {
    try {
      const step = await this.#span.run(run);
      if (step.done) this.#span.end();
      return step;
    } catch (error) {
      this.#span.end({ error });
      throw error;
    }
  }
}

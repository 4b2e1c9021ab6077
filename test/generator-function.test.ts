import { isGeneratorFunction } from '../src/generator-function';

class Members {
  *method(): Generator<unknown> {
    yield 1;
  }
  async *stream(): AsyncGenerator<unknown> {
    yield await Promise.resolve(1);
  }
  async promise(): Promise<void> {
    await Promise.resolve();
  }
}

it.each([
  ['a generator method', Members.prototype.method, true],
  ['a generator function', function* () {}, true],
  ['an asynchronous generator method', Members.prototype.stream, false],
  ['an asynchronous method', Members.prototype.promise, false],
  ['a class', Members, false],
  ['a generator', Members.prototype.method(), false],
  ['an object that calls itself one', { [Symbol.toStringTag]: 'GeneratorFunction' }, false],
  ['nothing', undefined, false],
])('%s', (_what, value, expected) => {
  expect(isGeneratorFunction(value)).toBe(expected);
});

// Generator functions: methods and listeners that give their result through `co`, as clients of the egg world may be written.

const GENERATOR_FUNCTION = '[object GeneratorFunction]';

export type GeneratorMethod = (...args: unknown[]) => Generator<unknown, unknown>;

/** Whether `co` can run this function. An `async function*` is not one: running it with `co` throws outside of every promise. */
export function isGeneratorFunction(value: unknown): value is GeneratorMethod {
  return typeof value === 'function' && Object.prototype.toString.call(value) === GENERATOR_FUNCTION;
}

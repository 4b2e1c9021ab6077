// Generator functions: methods and listeners that wait by `yield`, as clients of the egg world may be written. Also tells async
// generator functions apart, which give a stream and not a result.

export type GeneratorMethod = (...args: unknown[]) => Generator<unknown, unknown>;

/** Whether `runGenerator` can run what this function makes. An `async function*` cannot be run. */
export function isGeneratorFunction(value: unknown): value is GeneratorMethod {
  return kindOf(value) === '[object GeneratorFunction]';
}

export function isAsyncGeneratorFunction(value: unknown): boolean {
  return kindOf(value) === '[object AsyncGeneratorFunction]';
}

export function isAsyncFunction(value: unknown): boolean {
  return kindOf(value) === '[object AsyncFunction]';
}

function kindOf(value: unknown): string | undefined {
  try {
    return typeof value === 'function' ? Object.prototype.toString.call(value) : undefined;
  } catch {
    return undefined; // a revoked proxy
  }
}

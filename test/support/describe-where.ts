// Tests that need something which is not everywhere: another server, the packages of an example.

/**
 * A `describe` that is skipped where something is missing, with a line of advice; where the environment has `CI=true` the block
 * fails instead.
 * @param missing what is missing and how to get it; undefined when nothing is missing
 */
export function describeWhere(missing: string | undefined, name: string, tests: () => void): void {
  if (missing === undefined) {
    describe(name, tests);
    return;
  }
  if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`${name}: ${missing}`);
    });
    return;
  }
  console.warn(`skipped: ${name}: ${missing}`);
  describe.skip(name, tests);
}

// Packages that a user installs for a single feature, such as `prom-client` for the metrics: loaded when the feature is used, and
// missed with a sentence that says what to install.

import { TrunklineError } from './errors';

/**
 * @param load requires the package; the name stands in the program there, so that bundlers find the package
 * @param feature what needs the package, e.g. `metrics()`
 * @throws TrunklineError ERR_TRUNKLINE_PACKAGE_MISSING
 */
export function optionalPackage<T>(name: string, feature: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // A package that is there and misses one of its own packages says so itself.
    if (code !== 'MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw cause;
    const sentence = `${feature} needs the package ${name}, which is not installed; npm install ${name}`;
    throw new TrunklineError('ERR_TRUNKLINE_PACKAGE_MISSING', sentence, { package: name, cause });
  }
}

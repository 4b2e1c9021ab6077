// Frameworks: packages that export the classes `Agent` and `Application`, such as egg and frameworks built on egg.

import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { mention, OptionError } from './option-error';
import { packageFolder } from './resolve-module';

/** The framework of an application that names none. */
const DEFAULT_FRAMEWORK = 'egg';

/**
 * The folder of the framework of an application: the given framework, or `egg.framework` of package.json, or egg.
 * @param given a package name, or an absolute path
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function findFramework(baseDir: string, given: string | undefined): string {
  const manifest = join(baseDir, 'package.json');
  if (!existsSync(manifest)) {
    throw given === undefined
      ? invalid('give ', mention('app'), ' or ', mention('framework', 'name'), `: there is no ${manifest} that names a framework`)
      : invalid(`an application of the framework ${given} needs a package.json, but there is no ${manifest}`);
  }
  const name = given ?? frameworkOf(manifest) ?? DEFAULT_FRAMEWORK;
  if (isAbsolute(name)) {
    if (existsSync(name)) return name;
    throw invalid(`the framework ${name} does not exist`);
  }
  // From the application, then from where the master was started (an application that is a test fixture).
  const path = packageFolder(name, baseDir) ?? packageFolder(name, process.cwd());
  if (path !== undefined) return path;
  const found = `the framework ${name} cannot be found from ${baseDir}: install it, or give `;
  throw invalid(found, mention('app'), ' or ', mention('framework', 'name'));
}

function frameworkOf(manifest: string): string | undefined {
  try {
    const { egg } = JSON.parse(readFileSync(manifest, 'utf8')) as { egg?: { framework?: string } };
    return egg?.framework;
  } catch (cause) {
    throw invalid(`${manifest} cannot be read: ${(cause as Error).message}`);
  }
}

function invalid(...sentence: ConstructorParameters<typeof OptionError>[1]): OptionError {
  return new OptionError('framework', sentence);
}

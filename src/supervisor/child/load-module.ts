// How a child loads what is not its program: modules of the option `require`, and a framework by its folder. `require()` where
// that works, because CommonJS is loaded sooner without the loader of ES modules; `import()` for everything else.

import { pathToFileURL } from 'node:url';
import { importedFile, manifestOf, requiredFile, resolveModule } from '../host/resolve-module';

/** What `require()` says of an ES module that awaits at its top level, and of each ES module where Node.js was told so. */
const NEEDS_IMPORT = new Set(['ERR_REQUIRE_ASYNC_MODULE', 'ERR_REQUIRE_ESM']);

/** Loads a module that the application names as for `node --require`. @param folder where the name is resolved */
export function loadNamed(name: string, folder: string): Promise<unknown> {
  return load(resolveModule(name, folder));
}

/**
 * Loads a framework. An application of ES modules gets the build of the framework that `import` gives to the application's own
 * files, an application of CommonJS the build that `require()` gives: with two builds in a process, `instanceof` would fail.
 * @param path the folder of the framework
 * @param baseDir the folder of the application
 */
export function loadFramework(path: string, baseDir: string): Promise<Record<string, unknown>> {
  const required = manifestOf(baseDir).type === 'module' ? undefined : requiredFile(path);
  return required === undefined ? importFile(importedFile(path)) : load(required, () => importedFile(path));
}

async function load(file: string, imported = () => file): Promise<Record<string, unknown>> {
  try {
    return require(file) as Record<string, unknown>;
  } catch (error) {
    if (!NEEDS_IMPORT.has((error as NodeJS.ErrnoException | null)?.code ?? '')) throw error;
    return importFile(imported());
  }
}

function importFile(file: string): Promise<Record<string, unknown>> {
  return import(pathToFileURL(file).href) as Promise<Record<string, unknown>>;
}

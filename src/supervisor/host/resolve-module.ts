// Where a package or module is that an application names: what `require()` would load, and what `import` would load where that is
// another file. Node.js resolves for `import` only inside of ES modules, so the few rules of `exports` that this takes are here.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What Node.js reads of a package.json. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly exports?: unknown;
  readonly module?: string;
  readonly main?: string;
}

/** @returns an empty manifest when the folder has none */
export function manifestOf(folder: string): Manifest {
  const file = join(folder, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : {};
}

/** The folder of a package, as a program in the folder `from` would find the package; undefined where it is not installed. */
export function packageFolder(name: string, from: string): string | undefined {
  const folders = createRequire(join(from, 'package.json')).resolve.paths(name) ?? [];
  return folders.map((modules) => join(modules, name)).find((path) => existsSync(join(path, 'package.json')));
}

/**
 * @param name as for `node --require`
 * @param folder where the name is resolved
 * @returns the file that `require()` would load, or `import` if the package is for that only
 * @throws Error of Node.js when there is no such module
 */
export function resolveModule(name: string, folder: string): string {
  const { resolve } = createRequire(join(folder, 'package.json'));
  try {
    return resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    const [, packageName = name, subpath = ''] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(name) ?? [];
    const found = packageFolder(packageName, folder);
    const target = found && importTarget(manifestOf(found).exports, `.${subpath}`);
    if (target === undefined) throw error;
    return join(found!, target);
  }
}

/** The file that `require()` of a package gives, by the folder of the package; undefined for a package that is for `import` only. */
export function requiredFile(path: string): string | undefined {
  try {
    return createRequire(join(path, 'package.json')).resolve(path);
  } catch {
    return undefined;
  }
}

/** The file that `import` of the package gives, by the folder of the package. */
export function importedFile(path: string): string {
  const { exports, module, main } = manifestOf(path);
  const candidates = [importTarget(exports, '.'), module, main, 'index.mjs', 'index.js', 'index.ts'];
  const file = candidates.find((candidate) => candidate !== undefined && existsSync(join(path, candidate)));
  return file === undefined ? createRequire(join(path, 'package.json')).resolve(path) : join(path, file); // a name without extension, or the error
}

const CONDITIONS = new Set(['import', 'node', 'node-addons', 'module-sync', 'default']);

/** PACKAGE_EXPORTS_RESOLVE of the documentation of Node.js, for `import`. @returns undefined when nothing is exported there */
function importTarget(exports: unknown, subpath: string): string | undefined {
  if (!hasSubpaths(exports)) return subpath === '.' ? fitting(exports) : undefined;
  if (Object.hasOwn(exports, subpath)) return fitting(exports[subpath]);
  // The pattern with the longest part before the star wins.
  const patterns = Object.keys(exports).filter((key) => key.includes('*'));
  patterns.sort((a, b) => b.indexOf('*') - a.indexOf('*'));
  for (const pattern of patterns) {
    const [start, end] = pattern.split('*') as [string, string];
    if (!subpath.startsWith(start) || !subpath.endsWith(end) || subpath.length < pattern.length) continue;
    return fitting(exports[pattern])?.replaceAll('*', () => subpath.slice(start.length, subpath.length - end.length));
  }
  return undefined;
}

function hasSubpaths(exports: unknown): exports is Record<string, unknown> {
  return typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'));
}

/** The first target whose conditions are those of `import`. */
function fitting(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object' || target === null) return undefined;
  const alternatives = Array.isArray(target)
    ? (target as unknown[])
    : Object.entries(target).flatMap(([condition, value]) => (CONDITIONS.has(condition) ? [value as unknown] : []));
  for (const alternative of alternatives) {
    const found = fitting(alternative);
    if (found !== undefined) return found;
  }
  return undefined;
}

// Where the children of an application keep their compiled code. Node.js 22.1 and later read the folder from an environment variable
// before they load anything, so that preloads are kept too; the child takes it out of its environment (child/keep-compile-cache.ts).

import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fact, temporaryFolder } from '../../facts';
import { openCacheFolder } from '../../private-folder';

export const COMPILE_CACHE_VARIABLE = 'NODE_COMPILE_CACHE';

/** Any of these in the environment of the children is a decision of the user. Coverage is less precise in code that was not compiled. */
const DECIDED_BY = [COMPILE_CACHE_VARIABLE, 'NODE_DISABLE_COMPILE_CACHE', 'NODE_V8_COVERAGE'];

/** Whether children keep compiled code as long as there is a folder: this Node.js can, and the user has not decided otherwise. */
export function wantsCompileCache(env: NodeJS.ProcessEnv): boolean {
  return 'enableCompileCache' in nodeModule && DECIDED_BY.every((name) => env[name] === undefined);
}

/**
 * Makes the folder. Node.js makes another one in it for each of its versions.
 * @param env of the children
 * @returns undefined: the children keep nothing, because the user or the machine does not want it
 */
export function compileCacheFolder(env: NodeJS.ProcessEnv): string | undefined {
  if (!wantsCompileCache(env)) return undefined;
  const folder = openCacheFolder({
    uid: process.geteuid?.(),
    cacheHome: env.XDG_CACHE_HOME,
    home: env.HOME || fact(homedir),
    temporaryFolder: temporaryFolder(),
  });
  return folder && join(folder, 'compile-cache');
}

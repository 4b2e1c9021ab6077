// The compiled code of this child, which Node.js has been told to keep in a folder (host/compile-cache.ts).

import * as nodeModule from 'node:module';
import { systemClock } from '../../time';
import type { ChildTask } from '../messaging/messages';

/** Requests of a child that has just started are answered first, ms. */
const SETTLE_MS = 1_000;

/** Node.js 22.10 and later: writes what has been compiled since the process began, except what was found in the folder. */
const { flushCompileCache } = nodeModule as { readonly flushCompileCache?: (this: void) => void };

/**
 * Node.js writes compiled code at the end of a process, and a child may be killed: so a child that is to write does so once
 * before, when its start is over.
 * @param env where the folder is named; what this child starts itself is not told
 * @param onceStarted calls back when the start is over
 */
export function keepCompileCache(
  how: NonNullable<ChildTask['compileCache']>,
  env: NodeJS.ProcessEnv,
  onceStarted: (flush: () => void) => void,
): void {
  delete env.NODE_COMPILE_CACHE;
  if (how === 'written' && flushCompileCache)
    onceStarted(() => void systemClock.setTimeout(flushCompileCache, SETTLE_MS).unref());
}

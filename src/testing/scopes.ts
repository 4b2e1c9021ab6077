// Which scope a client gets that is created under the kit: the scope of the callback in which the client is created.

import { AsyncLocalStorage } from 'node:async_hooks';
import { setScopeFinder, type ProcessScope } from '../process-scope';

const scopes = new AsyncLocalStorage<ProcessScope>();

/**
 * Clients that are created in the callback belong to the scope, also after an `await` in the callback.
 * @returns what the callback returns
 */
export function inScope<T>(scope: ProcessScope, create: () => T): T {
  setScopeFinder(() => scopes.getStore());
  return scopes.run(scope, create);
}

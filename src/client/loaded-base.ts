// The published package has sdk-base in its own file (scripts/bundle.mjs), because loading the package and what it needs costs
// 20 ms of CPU time. A program that loads sdk-base itself still finds its `Base` among the ancestors of each client.

import { createRequire } from 'node:module';
import { Base } from 'sdk-base';

let isFound = false;

/**
 * Makes `client instanceof Base` true for the sdk-base that the program has loaded, if this package depends on the same version.
 */
export function adoptLoadedBase(): void {
  if (isFound) return;
  const loaded = loadedBase();
  if (!loaded) return;
  isFound = true;
  if (loaded === Base) return;
  // The loaded Base comes behind all methods that clients have now and changes none of these methods.
  let last: object = Base.prototype;
  for (let next = parentOf(last); next && !Object.hasOwn(next, 'emit'); next = parentOf(last)) last = next;
  Object.setPrototypeOf(last, loaded.prototype);
}

function loadedBase(): typeof Base | undefined {
  try {
    const { cache, resolve } = createRequire(__filename);
    return (cache[resolve('sdk-base')]?.exports as { Base?: typeof Base } | undefined)?.Base;
  } catch {
    return undefined; // in a bundle of the user there is none
  }
}

function parentOf(prototype: object): object | null {
  return Object.getPrototypeOf(prototype) as object | null;
}

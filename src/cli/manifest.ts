// What package.json says of this package.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
}

let manifest: Manifest | undefined;

export function packageVersion(): string {
  return read().version;
}

/** The oldest version of Node.js that this package works with, such as `20.19`. */
export function oldestNode(): string {
  return read().engines.node.replace('>=', '');
}

/** From the first folder above this file that has one: sources, build and package lie at different depths. */
function read(): Manifest {
  if (manifest) return manifest;
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  return manifest;
}

// What package.json says of this package.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownPackageFolder } from '../own-package';

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

function read(): Manifest {
  manifest ??= JSON.parse(readFileSync(join(ownPackageFolder(), 'package.json'), 'utf8')) as Manifest;
  return manifest;
}

// The files of the page: one HTML file, one script and one style sheet, which the build has put into the package.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownPackageFolder } from '../../own-package';

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml; charset=utf-8',
};
const read = new Map<string, Asset>();

/** @param path as in a URL; `/` is the page @returns undefined when there is no such file */
export function assetAt(path: string): Asset | undefined {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (type === undefined) return undefined;
  const known = read.get(name);
  if (known) return known;
  const asset = { type, bytes: readFileSync(join(folder(), name)) };
  read.set(name, asset);
  return asset;
}

/** The page is built once, into the package. */
function folder(): string {
  return join(ownPackageFolder(), 'dist', 'package', 'observe', 'page');
}

// What the doctor says of an application of egg: which version, and whether trunkline is in the place of the packages of egg that it
// can replace.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { manifestOf, type Manifest } from '../../supervisor/host/resolve-module';

const OURS = 'trunkline';

/** @param baseDir the folder of the application @returns undefined where no egg is installed */
export function aboutEgg(baseDir: string): string | undefined {
  const egg = installed('egg', baseDir);
  if (!egg) return undefined;
  const [major = 0] = (egg.manifest.version ?? '').split('.').map(Number);
  const replaceable = [major >= 4 ? '@eggjs/cluster' : 'egg-cluster', 'cluster-client'];
  let areOurs = true;
  const packages = replaceable.map((name) => {
    const found = installed(name, egg.folder)?.manifest;
    areOurs &&= found?.name === OURS;
    if (!found) return `${name} is not installed`;
    return found.name === OURS ? `${name} is ${OURS}` : `${name} is the package of that name, ${found.version}`;
  });
  const advice = areOurs ? '' : `; "overrides" of package.json can put ${OURS} in their place`;
  return `egg ${egg.manifest.version}: ${packages.join(', ')}${advice}`;
}

/** The package as a program in the folder would find it. */
function installed(name: string, from: string): { folder: string; manifest: Manifest } | undefined {
  const folders = createRequire(join(from, 'package.json')).resolve.paths(name) ?? [];
  const folder = folders.map((modules) => join(modules, name)).find((path) => existsSync(join(path, 'package.json')));
  return folder === undefined ? undefined : { folder, manifest: manifestOf(folder) };
}

// What the doctor says of an application of egg: which version, and whether trunkline is in the place of the packages of egg that it
// can replace.

import { manifestOf, packageFolder, type Manifest } from '../../supervisor/host/resolve-module';

const OURS = 'trunkline';

/** @param baseDir the folder of the application @returns undefined where no egg is installed */
export function aboutEgg(baseDir: string): string | undefined {
  const folder = packageFolder('egg', baseDir);
  if (folder === undefined) return undefined;
  const { version = '' } = manifestOf(folder);
  const clusterPackage = Number(version.split('.', 1)[0]) >= 4 ? '@eggjs/cluster' : 'egg-cluster';
  const packages = [clusterPackage, 'cluster-client'].map((name) => ({ name, manifest: installed(name, folder) }));
  const areOurs = packages.every(({ manifest }) => manifest?.name === OURS);
  const advice = areOurs ? '' : `; "overrides" of package.json can put ${OURS} in their place`;
  return `egg ${version}: ${packages.map(described).join(', ')}${advice}`;
}

function installed(name: string, from: string): Manifest | undefined {
  const folder = packageFolder(name, from);
  return folder === undefined ? undefined : manifestOf(folder);
}

function described({ name, manifest }: { name: string; manifest: Manifest | undefined }): string {
  if (!manifest) return `${name} is not installed`;
  return manifest.name === OURS ? `${name} is ${OURS}` : `${name} is the package of that name, ${manifest.version}`;
}

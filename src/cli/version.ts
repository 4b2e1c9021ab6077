// The version of this package, read from package.json.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

let version: string | undefined;

export function packageVersion(): string {
  if (version === undefined) {
    const manifest = readFileSync(join(__dirname, '../../../package.json'), 'utf8');
    version = (JSON.parse(manifest) as { version: string }).version;
  }
  return version;
}

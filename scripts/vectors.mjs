// `npm run vectors` writes the golden bytes of the wire format anew. With `-- --check` it fails when the files in the repository
// are not what their programs write.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'protocol', 'vectors');
const GENERATORS = { 'v1.json': 'generate.mjs', 'v2.json': 'generate-v2.mjs' };
const isCheck = process.argv.includes('--check');

for (const [name, generator] of Object.entries(GENERATORS)) {
  const file = join(folder, name);
  const before = readFileSync(file, 'utf8');
  execFileSync(process.execPath, [join(folder, generator)], { stdio: 'inherit' });
  const isSame = readFileSync(file, 'utf8') === before;
  if (isCheck && !isSame) {
    writeFileSync(file, before);
    process.exitCode = 1;
  }
  console.log(`protocol/vectors/${name}: ${isSame ? 'unchanged' : isCheck ? `not what ${generator} writes` : 'written anew'}`);
}

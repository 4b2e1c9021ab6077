// What only the owner of the project can fill in, and a release needs.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const PLACEHOLDER = 'TO BE FILLED IN BY THE OWNER';

/** @returns a sentence for each thing that is missing */
export function missingOwnerFields() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const missing = ['repository', 'bugs', 'homepage']
    .filter((field) => !manifest[field])
    .map((field) => `package.json has no ${field}`);
  if (readFileSync(join(root, 'SECURITY.md'), 'utf8').includes(PLACEHOLDER))
    missing.push('SECURITY.md has no address for reports');
  return missing;
}

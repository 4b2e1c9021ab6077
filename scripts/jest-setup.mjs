// Jest's global set-up: children that tests start run from dist, which must be fresh; and who runs everything is told
// how long that takes.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ensure from './ensure.mjs';

const CACHE = join(dirname(fileURLToPath(import.meta.url)), '../node_modules/.cache');

export default async function setup({ testPathPatterns, testNamePattern, projects }) {
  await ensure();
  // Supervised children keep compiled code; the home of the user is none of the tests' business.
  mkdirSync(CACHE, { recursive: true });
  process.env.XDG_CACHE_HOME = CACHE;
  if (testPathPatterns.isSet() || testNamePattern || projects.length > 1) return;
  console.error('the whole suite takes about 11 minutes on two cores, npm run test:unit half a minute');
}

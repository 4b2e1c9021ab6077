// Jest's global set-up: children that tests start run from dist, which must be fresh; and who runs everything is told
// how long that takes.

import ensure from './ensure.mjs';

export default async function setup({ testPathPatterns, testNamePattern, projects }) {
  await ensure();
  if (testPathPatterns.isSet() || testNamePattern || projects.length > 1) return;
  console.error('the whole suite takes about 11 minutes on two cores, npm run test:unit half a minute');
}

// `npm run test:scenarios`: everything that `npm run test:unit` leaves out. test/architecture.test.ts holds the list complete.

const shared = require('./jest.config.js');

/** Folders and files of tests that start processes or threads, which run from dist. */
const TESTS_WITH_PROCESSES = [
  'test/adapters/',
  'test/etcd/',
  'test/examples/',
  'test/scenarios/',
  'test/supervisor/master/descendants.test.ts',
  'test/bench/',
  'test/fleet/etcd-engine.test.ts',
  'test/fleet/redis-engine.test.ts',
  'test/fleet/servers/',
  'test/transport/credentials.test.ts',
  'test/ensure.test.ts',
  'test/identity.test.ts',
  'test/documents.test.ts',
];

/** @type {import('jest').Config} */
module.exports = {
  ...shared,
  testMatch: TESTS_WITH_PROCESSES.map((path) => `<rootDir>/${path.endsWith('/') ? `${path}**/*.test.ts` : path}`),
};
// Jest reads the configuration alone; the list is for its counterpart and for a test.
Object.defineProperty(module.exports, 'TESTS_WITH_PROCESSES', { value: TESTS_WITH_PROCESSES, enumerable: false });

// `npm run test:unit`: what runs in one process from the sources, without a build.

const shared = require('./jest.config.js');
const { TESTS_WITH_PROCESSES } = require('./jest.scenarios.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...shared,
  globalSetup: undefined, // which builds
  testPathIgnorePatterns: ['/node_modules/', ...TESTS_WITH_PROCESSES.map((path) => `<rootDir>/${path}`)],
  // For `npm run coverage`. The command line and the supervisor are mostly tested by scenarios, whose processes are not counted here.
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'lcov'],
  collectCoverageFrom: [
    'src/**/*.ts',
    'protocol/*.ts',
    // The page of the dashboard runs in a browser, and test/scenarios/dashboard-page.test.ts there.
    '!src/observe/page/**',
    // Clients of real stores and engines are tested at real servers, by test/adapters, test/etcd and test/fleet.
    '!src/etcd/**',
    '!src/adapters/{etcd,file,redis,zookeeper}/**',
    '!src/fleet/engines/{etcd,redis}/**',
  ],
  coverageThreshold: { global: { lines: 78, branches: 92, functions: 89 } },
  // Most of these tests wait for sockets and timers, so more of them than the machine has cores share its time.
  maxWorkers: 4,
};

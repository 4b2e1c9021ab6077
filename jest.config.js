/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/examples/**/*.test.ts'],
  transform: { '^.+\\.ts$': 'ts-jest' },
  // Examples import the package by its name, as users do.
  moduleNameMapper: {
    '^trunkline$': '<rootDir>/src/index.ts',
    '^trunkline/(supervisor|observe|testing|fleet)$': '<rootDir>/src/$1/index.ts',
    '^trunkline/fleet/(redis|etcd)$': '<rootDir>/src/fleet/$1.ts',
    '^trunkline/(etcd|file|redis|zookeeper)$': '<rootDir>/src/adapters/$1/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // Children that tests fork run from dist.
  globalSetup: '<rootDir>/scripts/jest-setup.mjs',
  // Most tests wait for other processes: one test file per core leaves no core idle.
  maxWorkers: '100%',
  // No limit of the product: what never ends is to end sometime, also on a busy machine.
  testTimeout: 120_000,
};

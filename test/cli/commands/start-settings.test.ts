// A flag counts more than the environment, and the environment more than the configuration.

import { resolve } from 'node:path';
import { resolveStart } from '../../../src/cli/commands/start-settings';
import type { StartFlags } from '../../../src/cli/commands/settings';
import type { ConfiguredApplication } from '../../../src/cli/configuration/applications';

const FOLDER = __dirname;
const APP = 'settings.test.ts';
const configured = (given: Record<string, unknown>, title?: string): ConfiguredApplication => ({
  title,
  file: resolve(FOLDER, 'trunkline.config.json'),
  folder: FOLDER,
  given: { nodeArgs: ['--import', 'tsx'], ...given },
  placeOf: (key) => `FILE(${key})`,
});
const settle = (flags: StartFlags, given: Record<string, unknown>, env: NodeJS.ProcessEnv = {}, app?: string) =>
  resolveStart(app, flags, FOLDER, configured(given), env);

test.each<[StartFlags, NodeJS.ProcessEnv, Record<string, unknown>, object]>([
  [{}, {}, { workers: 3 }, { workers: 3 }],
  [{ workers: '2' }, {}, { workers: 3 }, { workers: 2 }],
  [{}, {}, { stopTimeout: 7_000 }, { stopTimeoutMs: 7_000 }],
  [{}, { EGG_APP_CLOSE_TIMEOUT: '1000' }, { stopTimeout: 7_000 }, { workersStopMs: 1_000 }],
  [{ stopTimeout: '2000' }, { EGG_APP_CLOSE_TIMEOUT: '1000' }, { stopTimeout: 7_000 }, { stopTimeoutMs: 2_000 }],
  [{}, {}, { clusterPort: 7_001 }, { clusterPort: 7_001 }],
  [{}, { NODE_CLUSTER_CLIENT_PORT: '7002' }, { clusterPort: 7_001 }, { clusterPort: 7_002 }],
  [{}, {}, { env: 'prod' }, { env: { EGG_SERVER_ENV: 'prod' } }],
  [{}, { EGG_SERVER_ENV: 'test' }, { env: 'prod' }, { env: { EGG_SERVER_ENV: 'test' } }],
  [{ env: 'local' }, { EGG_SERVER_ENV: 'test' }, { env: 'prod' }, { env: { EGG_SERVER_ENV: 'local' } }],
  // Variables are values: those of the file are meant for this application.
  [{}, { REGION: 'south' }, { environment: { REGION: 'north' } }, { env: { REGION: 'north' } }],
])('flags %j, environment %j, configuration %j', (flags, env, given, options) => {
  expect(settle(flags, { app: APP, ...given }, env).options).toMatchObject(options);
});

test('`max` on the command line and in the file is the default', () => {
  const byDefault = settle({}, { app: APP }).options.workers;
  expect(settle({ workers: 'max' }, { app: APP, workers: byDefault + 1 }).options.workers).toBe(byDefault);
  expect(settle({}, { app: APP, workers: 'max' }).options.workers).toBe(byDefault);
});

test('a program on the command line takes the place of the one in the file', () => {
  const { programs } = settle({}, { app: 'nowhere.js', args: ['-x'] }, {}, APP).options;
  expect(programs).toEqual({ kind: 'files', app: resolve(FOLDER, APP), agent: undefined, args: ['-x'] });
});

test('paths of the file begin in its folder, or in the `baseDir` that it gives', () => {
  expect(settle({}, { app: APP, pidFile: 'run/a.pid', stdout: '/var/log/a.log' })).toMatchObject({
    options: { baseDir: FOLDER },
    pidFile: resolve(FOLDER, 'run/a.pid'),
    stdout: '/var/log/a.log',
    stderr: undefined,
  });
  const parent = settle({}, { app: `commands/${APP}`, baseDir: '..', pidFile: 'a.pid' });
  expect(parent).toMatchObject({ options: { baseDir: resolve(FOLDER, '..') }, pidFile: resolve(FOLDER, '../a.pid') });
});

test.each<[StartFlags, Record<string, unknown>, string]>([
  [{}, { workers: 0 }, 'FILE(workers): workers must be a whole number from 1 to 1024, but is 0'],
  [{ workers: '0' }, { workers: 2 }, '--workers must be a whole number from 1 to 1024, but is 0'],
  [{}, { sticky: true }, 'FILE(port): sticky needs port'],
  [
    {},
    { app: 'nowhere.js' },
    `FILE(app): app must be the path of a file that exists, but is ${JSON.stringify(resolve(FOLDER, 'nowhere.js'))}`,
  ],
  [{}, { env: { REGION: 'north' } }, 'FILE(env): env must be a name (variables go into `environment`), but is [object Object]'],
  [{}, { dashboard: 70_000 }, 'FILE(dashboard): dashboard must be a port'],
  [{ dashboard: 'x' }, { dashboard: 80 }, '--dashboard must be a whole number, but is "x"'],
  [{}, { pidFile: 1 }, 'FILE(pidFile): pidFile must be a path'],
])('flags %j with %j are refused: %s', (flags, given, sentence) => {
  expect(() => settle(flags, { app: APP, ...given })).toThrow(expect.objectContaining({ exitCode: 2, message: sentence }));
});

test('the port of the dashboard comes from the flag or from the file', () => {
  expect(settle({}, { app: APP, dashboard: 8_081 }).dashboard).toBe(8_081);
  expect(settle({ dashboard: '8082' }, { app: APP, dashboard: 8_081 }).dashboard).toBe(8_082);
  expect(settle({}, { app: APP }).dashboard).toBeUndefined();
});

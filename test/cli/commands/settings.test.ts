// From the command line to the options of startCluster.

import { resolve } from 'node:path';
import { TrunklineError } from '../../../src/errors';
import { asUsage, supervisorOptions, words, type StartFlags } from '../../../src/cli/commands/settings';

test.each<[StartFlags, object]>([
  [{}, {}],
  [{ workers: '4' }, { workers: 4 }],
  [{ workers: 'max' }, {}],
  [
    { port: '8080', env: 'prod', title: 'shop' },
    { port: 8080, env: 'prod', title: 'shop' },
  ],
  [{ agent: 'agent.js' }, { agent: 'agent.js' }],
  [{ require: ['a', 'b'] }, { require: ['a', 'b'] }],
  [{ nodeArgs: '--inspect --title="a b"' }, { nodeArgs: ['--inspect', '--title=a b'] }],
  [
    { startTimeout: '1000', killTimeout: '2000' },
    { startTimeout: 1000, stopTimeout: 2000 },
  ],
  [{ stopTimeout: '2000', killTimeout: '1000' }, { stopTimeout: 2000 }],
  [{ args: [] }, {}],
  [{ args: ['--region', 'north'] }, { args: ['--region', 'north'] }],
  [{ maxMemory: '300MB' }, { maxMemory: '300MB' }],
  [{ compileCache: false }, { compileCache: false }],
  [{ compileCache: true }, {}],
  [{ sticky: true }, { sticky: true }],
  [{ sticky: 'x-forwarded-for' }, { sticky: { header: 'x-forwarded-for' } }],
  [{ baseDir: 'shop' }, { baseDir: resolve('shop') }],
  // What is the command's own.
  [{ daemon: true, stdout: 'out', stderr: 'err', pidFile: 'app.pid', json: true }, {}],
])('%j becomes %j', (flags, options) => {
  expect(supervisorOptions('app.js', flags)).toEqual({ app: 'app.js', baseDir: resolve('.'), ...options });
});

test('without a program the framework of the application is meant', () => {
  expect(supervisorOptions(undefined, { framework: 'egg' })).toEqual({ framework: 'egg', baseDir: resolve('.') });
});

test.each<[string | undefined, StartFlags, string]>([
  ['app.js', { framework: 'egg' }, '--framework'],
  [undefined, { agent: 'agent.js' }, '--agent'],
  ['app.js', { workers: 'two' }, '--workers'],
  ['app.js', { port: '80a' }, '--port'],
  ['app.js', { port: '-1' }, '--port'],
  ['app.js', { startTimeout: '1.5' }, '--start-timeout'],
  ['app.js', { killTimeout: '' }, '--kill-timeout'],
  ['app.js', { stopTimeout: '1s' }, '--stop-timeout'],
  ['app.js', { nodeArgs: '--title="a' }, '--node-args'],
  ['app.js', { stdout: 'out.log' }, '--stdout'],
  [undefined, { sticky: 'app.js' }, '--sticky'],
])('%j with %j is not understood, and the flag is named', (app, flags, flag) => {
  let thrown: unknown;
  try {
    supervisorOptions(app, flags);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ exitCode: 2, message: expect.stringContaining(flag) });
});

test('errors of startCluster about an option name the flag', () => {
  const error = (message: string) => new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', message);
  const text = (message: string) => (asUsage(error(message)) as Error).message;
  expect(text('startCluster: option stopTimeout must be 1')).toBe('--stop-timeout must be 1');
  expect(text('startCluster: option sticky needs the option port')).toBe('--sticky needs --port');
  expect(text('startCluster: option app must be there')).toBe('the program must be there');
  expect(text('startCluster: install it, or give the option app or framework')).toBe(
    'install it, or give a program or --framework',
  );
  expect(text('startCluster: EGG_AGENT_DEBUG_PORT is wrong')).toBe('EGG_AGENT_DEBUG_PORT is wrong');
});

test('other errors stay what they are', () => {
  const error = new TrunklineError('ERR_TRUNKLINE_BOOT_FAILED', 'startCluster: option port');
  expect(asUsage(error)).toBe(error);
});

test.each([
  ['', []],
  ['  a   b ', ['a', 'b']],
  [`a'b c'd "e f" ''`, ['ab cd', 'e f', '']],
])('%j is cut as a shell would', (text, expected) => {
  expect(words(text)).toEqual(expected);
});

// From the command line to the options of startCluster.

import { resolve } from 'node:path';
import { asFlag, supervisorOptions, words, type StartFlags } from '../../../src/cli/commands/settings';
import { resolveStart } from '../../../src/cli/commands/start-settings';
import { mention, OptionError } from '../../../src/supervisor/host/option-error';

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

test.each<[string | undefined, StartFlags, string]>([
  [__filename, { stopTimeout: '0' }, '--stop-timeout must be a whole number from 1 to 2147483647, but is 0'],
  [__filename, { workers: '1025' }, '--workers must be a whole number from 1 to 1024, but is 1025'],
  [__filename, { nodeArgs: '--import tsx', sticky: true }, '--sticky needs --port'],
  ['nowhere.js', {}, `the program must be the path of a file that exists, but is ${JSON.stringify(resolve('nowhere.js'))}`],
  [__filename, { nodeArgs: '--import tsx', agent: 'nowhere.js' }, '--agent must be the path of a file that exists, but is'],
  [undefined, { framework: 'no-such-framework' }, 'install it, or give a program or --framework'],
  [undefined, { baseDir: __dirname }, 'give a program or --framework: there is no'],
])('what startCluster would refuse of %j with %j is said with the flag', (app, flags, sentence) => {
  expect(() => resolveStart(app, flags, '.', undefined, process.env)).toThrow(
    expect.objectContaining({ exitCode: 2, message: expect.stringContaining(sentence) }),
  );
});

test('a refusal of an option has the words of each reader', () => {
  const error = new OptionError('port', [mention('sticky', 'subject'), ' needs ', mention('port')]);
  expect(error).toMatchObject({
    code: 'ERR_TRUNKLINE_OPTION_INVALID',
    option: 'port',
    message: 'startCluster: option sticky needs the option port',
  });
  expect(error.inWords(asFlag)).toBe('--sticky needs --port');
  const variable = new OptionError('EGG_AGENT_DEBUG_PORT', [mention('EGG_AGENT_DEBUG_PORT', 'subject'), ' is wrong']);
  expect(variable.inWords(asFlag)).toBe('EGG_AGENT_DEBUG_PORT is wrong');
});

test.each([
  ['', []],
  ['  a   b ', ['a', 'b']],
  [`a'b c'd "e f" ''`, ['ab cd', 'e f', '']],
])('%j is cut as a shell would', (text, expected) => {
  expect(words(text)).toEqual(expected);
});

import { spareWorkers } from '../../../src/supervisor/master/spares';

const options = { startMode: 'process' as const, nodeArgs: [] as string[], env: {} as NodeJS.ProcessEnv, workers: 3 };

test('every worker has a process while the agent starts', () => {
  expect(spareWorkers(options, 2)).toBe(3);
});

test('there are at most two such processes for each processor', () => {
  expect(spareWorkers({ ...options, workers: 64 }, 2)).toBe(4);
});

test.each([
  ['--require', './setup.js'],
  ['--require=./setup.js'],
  ['-r', './setup.js'],
  ['--import', 'tsx'],
  ['--loader=x'],
  ['--experimental-loader', 'x'],
  ['--inspect'],
  ['--inspect-brk=9229'],
  ['--experimental_loader=x'],
  ['--experimental-config-file=setup.json'],
  ['--experimental-default-config-file'],
])('there is none where node runs code, or waits for a debugger, before the task comes: %s', (...nodeArgs) => {
  expect(spareWorkers({ ...options, nodeArgs })).toBe(0);
  expect(spareWorkers({ ...options, env: { NODE_OPTIONS: `--no-warnings ${nodeArgs.join(' ')}` } })).toBe(0);
});

test('there is none where such an option stands in quotes', () => {
  expect(spareWorkers({ ...options, env: { NODE_OPTIONS: '"--require=./set up.js"' } })).toBe(0);
});

test('other arguments of node do no harm', () => {
  expect(spareWorkers({ ...options, nodeArgs: ['--max-old-space-size=100', '--enable-source-maps'] }, 2)).toBe(3);
});

test('a thread is not started early: it loads in the process of the master', () => {
  expect(spareWorkers({ ...options, startMode: 'worker_threads' })).toBe(0);
});

// What a mistyped word has meant.

import { nearest } from '../../../src/cli/configuration/nearest';

const WORDS = ['app', 'agent', 'workers', 'port', 'startTimeout', 'stopTimeout', 'maxMemory'];

test.each([
  ['wrokers', 'workers'],
  ['worker', 'workers'],
  ['Workers', 'workers'],
  ['start_timeout', 'startTimeout'],
  ['stop-timeout', 'stopTimeout'],
  ['maxMem', 'maxMemory'],
  ['ap', 'app'],
  ['logging', undefined],
  ['x', undefined],
  ['', undefined],
])('%j means %j', (given, word) => {
  expect(nearest(given, WORDS)).toBe(word);
});

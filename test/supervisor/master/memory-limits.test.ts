import { judgeMemory } from '../../../src/supervisor/master/memory-limits';

const limits = { maxMemoryBytes: 100, hardMaxMemoryBytes: 200 };
const none = { maxMemoryBytes: undefined, hardMaxMemoryBytes: undefined };
const LONG = 60_000;

test.each<[string, Parameters<typeof judgeMemory>, ReturnType<typeof judgeMemory>]>([
  ['no limit', [1e12, LONG, none], undefined],
  ['at the limit', [100, LONG, limits], undefined],
  ['above it', [101, LONG, limits], 'much'],
  ['above it, but just ready: the next one would need as much', [101, 9_999, limits], undefined],
  ['above it, but not ready yet', [101, undefined, limits], undefined],
  ['at the hard limit', [200, LONG, limits], 'much'],
  ['above the hard limit', [201, LONG, limits], 'too much'],
  ['above the hard limit, not even ready', [201, undefined, limits], 'too much'],
  ['above the hard limit, the only one', [201, LONG, { ...none, hardMaxMemoryBytes: 200 }], 'too much'],
])('%s', (_, given, verdict) => {
  expect(judgeMemory(...given)).toBe(verdict);
});

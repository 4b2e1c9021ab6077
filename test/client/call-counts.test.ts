// Counting calls: bounded, whatever codes and methods come.

import { CallCounter } from '../../src/client/call-counts';
import { LATENCY_BUCKETS_MS } from '../../src/latency-buckets';

test('outcomes are counted by method and code', () => {
  const counter = new CallCounter();
  counter.begin();
  counter.begin();
  counter.begin();
  counter.succeeded('get');
  counter.failed('get', Object.assign(new Error('no'), { code: 'E_NO' }));
  counter.notified('log');
  expect(counter.view).toMatchObject({
    ok: 2,
    failed: { E_NO: 1 },
    underWay: 1,
    methods: { get: { ok: 1, failed: { E_NO: 1 } }, log: { ok: 1, failed: {} } },
  });
});

test.each([
  [new Error('plain'), 'error'],
  [undefined, 'error'],
  [{ code: 42 }, '42'],
  [{ code: 'a text that is no code' }, 'error'],
  [{ code: 'x'.repeat(65) }, 'error'],
])('the error %p counts as %s', (error, code) => {
  const counter = new CallCounter();
  counter.failed('get', error);
  expect(counter.view.failed).toEqual({ [code]: 1 });
});

test('codes and methods may have the names of members that every object has', () => {
  const counter = new CallCounter();
  for (const code of ['constructor', 'toString', '__proto__']) {
    counter.failed(code, { code });
    counter.failed(code, { code });
  }
  const { failed, methods } = counter.view;
  expect(Object.entries(failed)).toEqual([
    ['constructor', 2],
    ['toString', 2],
    ['__proto__', 2],
  ]);
  expect(Object.keys(methods)).toEqual(['constructor', 'toString', '__proto__']);
});

test('methods and codes beyond the limits are counted together', () => {
  const counter = new CallCounter();
  for (let i = 0; i < 1_000; i++) counter.succeeded(`method${i}`);
  for (let i = 0; i < 1_000; i++) counter.failed('method1', { code: `E_${i}` });
  const { ok, methods } = counter.view;
  expect(ok).toBe(1_000);
  expect(Object.keys(methods)).toHaveLength(101);
  expect(methods.other!.ok).toBe(900);
  expect(Object.keys(methods.method1!.failed)).toHaveLength(51);
  expect(methods.method1!.failed.other).toBe(950);
});

test('an answer belongs into the first bucket that is not too small', () => {
  const counter = new CallCounter();
  for (const ms of [0, 0.25, 0.26, 5_000, 5_001]) counter.answered(ms);
  const { counts, sumMs } = counter.view.latency;
  expect(counts).toHaveLength(LATENCY_BUCKETS_MS.length + 1);
  expect([counts[0], counts[1], counts.at(-2), counts.at(-1)]).toEqual([2, 1, 1, 1]);
  expect(sumMs).toBe(10_001.51);
});

// The age of the oldest unread byte, from looks at two counts.

import { LagMeter } from '../../src/transport/lag-meter';

test('the lag grows until the other side reads, and then counts from what is left', () => {
  const meter = new LagMeter();
  expect(meter.look(0, 0, 0)).toBe(0);
  expect(meter.look(1_000, 0, 100)).toBe(0);
  expect(meter.look(2_000, 0, 200)).toBe(1_000);
  expect(meter.look(3_000, 100, 100)).toBe(1_000); // what was written before the look at 2,000 is left
  expect(meter.look(4_000, 200, 0)).toBe(0);
});

test('a side that never reads costs a bounded memory, and its lag is still that of the oldest byte', () => {
  const meter = new LagMeter();
  for (let now = 0; now <= 100_000; now += 100) meter.look(now, 0, now + 1);
  expect(meter.look(100_100, 0, 100_101)).toBe(100_100);
});

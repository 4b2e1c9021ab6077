import { firstPortOf, InspectPorts } from '../../../src/supervisor/master/inspect-ports';

test('a project has the same block of ports each time, and another project another one', () => {
  expect(firstPortOf('/srv/a', 0)).toBe(firstPortOf('/srv/a', 0));
  expect(firstPortOf('/srv/a', 0)).not.toBe(firstPortOf('/srv/b', 0));
  expect(firstPortOf('/srv/a', 1)).not.toBe(firstPortOf('/srv/a', 0));
});

test('blocks lie between 10000 and 19000 and do not overlap', () => {
  const first = Array.from({ length: 500 }, (_, i) => firstPortOf(`/srv/${i}`, 0));
  for (const port of first) {
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port).toBeLessThan(19_000);
    expect(port % 40).toBe(0);
  }
});

test('the two children that have a place during a reload have two ports', () => {
  const ports = new InspectPorts(10_000, undefined);
  expect([ports.of(0, 1), ports.of(1, 1), ports.of(1, 2), ports.of(1, 3), ports.of(2, 1)]).toEqual([
    10_000, 10_002, 10_003, 10_002, 10_004,
  ]);
});

test('EGG_AGENT_DEBUG_PORT is for the agent', () => {
  const ports = new InspectPorts(10_000, 5800);
  expect([ports.of(0, 1), ports.of(1, 1)]).toEqual([5800, 10_002]);
});

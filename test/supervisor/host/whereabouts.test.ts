import {
  assertCanSupervise,
  assertMayStart,
  lackOfRuntime,
  ownWhereabouts,
  type Whereabouts,
} from '../../../src/supervisor/host/whereabouts';

const nowhere: Whereabouts = { isSupervised: false, isClusterWorker: false, isSingleExecutable: false };

test('an ordinary process can supervise', () => {
  assertCanSupervise(nowhere);
  assertCanSupervise(ownWhereabouts(false));
});

test.each<[Partial<Whereabouts>, RegExp]>([
  [{ isSupervised: true, isClusterWorker: true }, /itself the agent or a worker .* call startCluster in a program of its own/],
  [{ isClusterWorker: true }, /a worker of node:cluster.* start it as an ordinary process/],
  [{ isSingleExecutable: true }, /a single executable.* run it with node/],
])('a process of which is known %p cannot', (known, sentence) => {
  expect(() => assertCanSupervise({ ...nowhere, ...known })).toThrow(
    expect.objectContaining({ code: 'ERR_TRUNKLINE_CANNOT_SUPERVISE', message: expect.stringMatching(sentence) }),
  );
});

describe('under the permission model of Node.js', () => {
  const without =
    (...missing: string[]) =>
    (permission: string) =>
      missing.includes(permission) ? `--allow-${permission}` : undefined;

  test('what the start mode needs is refused without its flag', () => {
    for (const [mode, permission] of [
      ['process', 'child'],
      ['worker_threads', 'worker'],
      ['process', 'net'],
      ['worker_threads', 'net'],
    ] as const)
      expect(() => assertMayStart(mode, without(permission))).toThrow(
        expect.objectContaining({
          code: 'ERR_TRUNKLINE_CANNOT_SUPERVISE',
          message: expect.stringContaining(`start node with --allow-${permission}`),
        }),
      );
  });

  test('processes that cannot have a watchdog are started, and that is said', () => {
    expect(assertMayStart('process', without('worker'))).toMatch(/--allow-worker is missing\), so no stack or profile/);
  });

  test('with every permission there is nothing to say', () => {
    expect(assertMayStart('process', without())).toBeUndefined();
    expect(assertMayStart('worker_threads', without('child'))).toBeUndefined();
    expect(assertMayStart('process')).toBeUndefined();
  });
});

test('under Bun it is said that requests are cut off, under Node.js nothing', () => {
  expect(lackOfRuntime({ node: '24.3.0', bun: '1.4.5' })).toMatch(/Bun 1.4.5 does not publish .* http.server.request.start/);
  expect(lackOfRuntime()).toBeUndefined();
});

import { assertCanSupervise, type Whereabouts } from '../../src/supervisor/whereabouts';

const nowhere: Whereabouts = { isSupervised: false, isClusterWorker: false, isSingleExecutable: false };

test('an ordinary process can supervise', () => {
  assertCanSupervise(nowhere);
  assertCanSupervise();
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

// `Master` of @eggjs/cluster: an application that starts with the construction.

import { masterClass } from '../../src/eggjs-cluster';

function build(start: () => Promise<{ stop(): Promise<unknown> }>) {
  const Master = masterClass<{ workers?: number }>(start);
  return new Master({ workers: 1 });
}

const stop = jest.fn(() => Promise.resolve());
beforeEach(() => stop.mockClear());

test('it is ready when the application has started, for a promise and for a callback', async () => {
  let onStarted!: () => void;
  const master = build(() => new Promise((resolve) => (onStarted = () => resolve({ stop }))));
  const told = new Promise((resolve) => master.ready(resolve));
  expect(master).toMatchObject({ isStarted: false, closed: false, options: { workers: 1 } });
  onStarted();
  await master.ready();
  expect(await told).toBeUndefined();
  expect(master.isStarted).toBe(true);
});

test('a start that fails is told to both, and to nobody else', async () => {
  const error = new Error('cannot start');
  const master = build(() => Promise.reject(error));
  await expect(master.ready()).rejects.toBe(error);
  expect(await new Promise((resolve) => master.ready(resolve))).toBe(error);
  await master.close();
});

test('close() stops the application, also one that is still starting', async () => {
  const master = build(() => Promise.resolve({ stop }));
  await master.close();
  expect(stop).toHaveBeenCalledTimes(1);
  expect(master.closed).toBe(true);
});

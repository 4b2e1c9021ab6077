// What the messenger accepts in every process.

import { Postbox } from '../../../src/supervisor/messaging/messenger';

const NEVER = [0, -1, NaN, Infinity, 2 ** 31, '1000', null];
const methods = ['sendToApp', 'sendToAgent', 'sendRandom', 'broadcast'] as const;

test.each(NEVER)('an acknowledged message with a time limit of %p is refused and not sent', async (within) => {
  const postbox = new Postbox();
  const posted: unknown[] = [];
  postbox.connect((mail) => posted.push(mail));
  for (const method of methods)
    await expect(postbox.acknowledged[method]('x', 1, within as number)).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_OPTION_INVALID',
    });
  await expect(postbox.acknowledged.sendTo(1, 'x', 1, within as number)).rejects.toThrow(/time for x must be a number/);
  expect(posted).toEqual([]);
});

test.each([0.5, 1, 2 ** 31 - 1])('an acknowledged message with a time limit of %p is sent with it', (within) => {
  const postbox = new Postbox();
  const limits: number[] = [];
  postbox.connect(({ withinMs }) => limits.push(withinMs));
  void postbox.acknowledged.sendToApp('x', 1, within);
  expect(limits).toEqual([within]);
});

test('while a program starts, a message waits for the handler of its action, and for no longer than the start', async () => {
  const postbox = new Postbox();
  const seen: unknown[] = [];
  postbox.beginStart();
  for (const data of [1, 2]) postbox.receiveUnheard({ action: 'early', data });
  postbox.receiveUnheard({ action: 'late', data: 3 });
  postbox.on('early', (data) => seen.push(data));
  postbox.endStart();
  await new Promise(setImmediate);
  postbox.on('late', (data) => seen.push(data));
  postbox.receiveUnheard({ action: 'late', data: 4 });
  await new Promise(setImmediate);
  expect(seen).toEqual([1, 2, 4]);
});

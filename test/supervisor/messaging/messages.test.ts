// What counts as a message of the application.

import { asAppMessage } from '../../../src/supervisor/messaging/messages';

test.each<[string, unknown, unknown]>([
  ['an object with an action', { action: 'a', data: 1 }, { action: 'a', data: 1 }],
  ['a text, as egg sends to its master', 'a', { action: 'a', data: 'a' }],
  ['something without an action', { data: 1 }, undefined],
  ['nothing', null, undefined],
  ['egg 3 names the receiver', { action: 'a', receiverPid: '7' }, { action: 'a', receiverPid: '7' }],
  ['egg 4 names the receiver twice', { action: 'a', receiverPid: '7', receiverWorkerId: '7' }, { receiverPid: '7' }],
  ['the receiver has the new name only', { action: 'a', receiverWorkerId: '7' }, { action: 'a', receiverPid: '7' }],
  ['the new name counts', { action: 'a', receiverPid: '6', receiverWorkerId: '7' }, { receiverPid: '7', receiverWorkerId: '7' }],
  ['an empty new name does not', { action: 'a', receiverPid: '6', receiverWorkerId: '' }, { receiverPid: '6' }],
])('%s', (_what, message, expected) => {
  if (expected === undefined) expect(asAppMessage(message)).toBeUndefined();
  else expect(asAppMessage(message)).toMatchObject(expected as object);
});

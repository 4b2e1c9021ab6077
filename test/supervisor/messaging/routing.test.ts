// To whom messages of an application go: the rules of egg-cluster 2.x.

import { destinationOf, type Destination } from '../../../src/supervisor/messaging/routing';
import type { AppMessage, Sender } from '../../../src/supervisor/messaging/messages';

const directory = { masterPid: 1, agentPid: 2 };
const everybody: Destination = { to: 'app', which: 'all' };

test.each<[string, Partial<AppMessage>, Sender, Destination | undefined]>([
  ['of the agent, to nobody in particular', {}, 'agent', everybody],
  ['of a worker, to nobody in particular', {}, 'app', { to: 'agent' }],
  ['of the parent, to nobody in particular', {}, 'parent', { to: 'master' }],
  ['of the master, to nobody in particular', {}, 'master', undefined],
  ['to the workers', { to: 'app' }, 'app', everybody],
  ['to the agent', { to: 'agent' }, 'agent', { to: 'agent' }],
  ['to the master', { to: 'master' }, 'app', { to: 'master' }],
  ['to the parent', { to: 'parent' }, 'agent', { to: 'parent' }],
  ['to any worker', { to: 'random' }, 'agent', { to: 'app', which: 'random' }],
  ['to somebody unknown', { to: 'moon' as Sender }, 'agent', undefined],
  ['to the pid of the master', { receiverPid: '1', to: 'app' }, 'app', { to: 'master' }],
  ['to the pid of the agent', { receiverPid: '2' }, 'app', { to: 'agent' }],
  ['to another pid', { receiverPid: '3', to: 'agent' }, 'app', { to: 'app', which: { pid: '3' } }],
  ['to a pid given as a number', { receiverPid: 3 as unknown as string }, 'app', { to: 'app', which: { pid: '3' } }],
  ['to an empty pid', { receiverPid: '', to: 'app' }, 'agent', everybody],
])('a message %s', (_, message, from, destination) => {
  expect(destinationOf({ action: 'x', ...message }, from, directory)).toEqual(destination);
});

test('without an agent its pid is nobody’s', () => {
  expect(destinationOf({ action: 'x', receiverPid: 'undefined' }, 'app', { masterPid: 1, agentPid: undefined })).toEqual({
    to: 'app',
    which: { pid: 'undefined' },
  });
});

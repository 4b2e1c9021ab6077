// Who hears what of the others, in which order: frameworks count these messages.

import { Announcements } from '../../../src/supervisor/messaging/announcements';

const READY = { port: 7001, debugPort: undefined, address: 'http://127.0.0.1:7001', protocol: 'http' } as const;

function recording() {
  const heard: string[] = [];
  const announcements = new Announcements(
    ({ action, to, receiverPid, data }) => {
      const what = action === 'egg-pids' ? ` ${JSON.stringify(data)}` : '';
      heard.push(`${to ?? receiverPid}: ${action}${what}`);
    },
    () => ({}),
  );
  return { announcements, heard };
}

it('the first start: the agent hears of each worker, workers hear of no agent, and then all that everything is ready', () => {
  const { announcements, heard } = recording();
  announcements.agentReady(1, []);
  heard.length = 0; // no worker is there to get the message
  announcements.workerReady(2, [2]);
  announcements.workerReady(3, [2, 3]);
  announcements.started(READY);
  expect(heard).toEqual([
    'agent: egg-pids [2]',
    'agent: egg-pids [2,3]',
    'parent: egg-ready',
    'app: egg-ready',
    'agent: egg-ready',
  ]);
});

it('a worker dies and is replaced: the agent hears both, the new worker only that everything is ready', () => {
  const { announcements, heard } = recording();
  announcements.started(READY);
  heard.length = 0;
  announcements.workerGone([3], false);
  announcements.workerReady(4, [3, 4]);
  expect(heard).toEqual(['agent: egg-pids [3]', 'parent: app-worker-died', 'agent: egg-pids [3,4]', '4: egg-ready']);
});

it('the agent dies and is replaced: workers hear of none, then of the next, which hears of the workers', () => {
  const { announcements, heard } = recording();
  announcements.started(READY);
  heard.length = 0;
  announcements.agentGone(undefined, false);
  announcements.agentReady(5, [2, 3]);
  expect(heard).toEqual([
    'app: egg-pids []',
    'parent: agent-worker-died',
    'app: egg-pids [5]',
    'agent: egg-pids [2,3]',
    'agent: egg-ready',
    'app: agent-start',
  ]);
});

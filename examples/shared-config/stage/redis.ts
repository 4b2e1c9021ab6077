// Redis, which lists its connections: each client of the demo has one that subscribes.

import { ask } from './ask';
import { isCommand, type ServerProgram } from './own-server';

const SUBSCRIBES = /\b(sub|psub|ssub)=[1-9]/;

export const redis: ServerProgram = {
  name: 'Redis',
  unit: 'subscribing connections',
  countedBy: 'Redis, one per client',
  count: async (url) => {
    const answer = await ask(url, 'CLIENT LIST\r\n', (text) => text.endsWith('\n\r\n'));
    return answer.split('\n').filter((line) => SUBSCRIBES.test(line)).length;
  },
  ports: 1,
  missing: () => (isCommand('redis-server') ? undefined : 'Redis is not installed here (Debian: redis-server); install it'),
  command: (folder, [port]) => [
    'redis-server',
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
  ],
  url: (port) => `redis://127.0.0.1:${port}`,
};

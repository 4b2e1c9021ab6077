// When a session counts as silent, with connections that are made for the test.

import type { RedisConnection, RedisSettings } from '../../../src/adapters/redis/redis-options';
import { RedisSession } from '../../../src/adapters/redis/redis-session';
import { eventually } from '../../support/eventually';

/** Connects, takes every subscription, and answers no command. */
class MuteConnection implements RedisConnection {
  status = 'wait';
  readonly on = () => this;
  readonly stream = { bytesRead: 0, bytesWritten: 0, writableLength: 0, on: this.on as never, unref: this.on as never };
  readonly subscribe = () => Promise.resolve();
  readonly psubscribe = this.subscribe;
  readonly unsubscribe = this.subscribe;
  readonly punsubscribe = this.subscribe;

  connect(): Promise<void> {
    this.status = 'ready';
    return Promise.resolve();
  }

  disconnect(): void {
    this.status = 'end';
  }

  callBuffer(): Promise<unknown> {
    return new Promise(() => undefined);
  }
}

const connections: MuteConnection[] = [];
const settings = {
  server: 'Redis',
  owner: 'me',
  silenceMs: 40,
  create: () => {
    const connection = new MuteConnection();
    connections.push(connection);
    return connection;
  },
} as unknown as RedisSettings;

it('a server that sends a large value on a slow line is not silent, until it stops', async () => {
  const session = await RedisSession.open(
    settings,
    () => undefined,
    () => undefined,
  );
  let looks = 0;
  const slow = setInterval(() => {
    looks++;
    connections[0]!.stream.bytesRead++;
  }, 5);
  const pulse = session.pulse(() => session.call('PUBLISH'));
  pulse.catch(() => undefined);
  const call = session.call('GET', 'large');
  call.catch(() => undefined);
  // Many times the limit.
  await eventually('many bytes', () => looks > 60);
  expect(session.isOver).toBe(false);
  clearInterval(slow);
  const silent = { code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', server: 'Redis', silenceMs: 40 };
  await expect(pulse).rejects.toMatchObject(silent);
  await expect(call).rejects.toMatchObject(silent);
  expect(await session.ended).toMatchObject(silent);
  expect(connections.map(({ status }) => status)).toEqual(['end', 'end']);
});

// Keys that live with their owner, in both forms, where two processes have published the same key.

import { eventually } from '../../support/eventually';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { heardBy, Opened } from './support';

describeWithRedis('owned keys in Redis', () => {
  let server: RedisServer;
  const opened = new Opened();
  beforeAll(async () => {
    server = await RedisServer.start(undefined, ['--notify-keyspace-events', 'K$gxe']);
  });
  afterEach(() => opened.close());
  afterAll(() => server?.stop());

  describe.each(['versioned', 'strings'] as const)('%s', (form) => {
    const prefix = `${form}:`;
    const start = () => opened.ready({ url: server.url, form, prefix });
    const text = async (key: string) => {
      const entry = await (await start()).get(key);
      return entry && Buffer.from(entry.bytes).toString();
    };

    it('are not deleted by an owner when another owner has published since', async () => {
      const [first, second] = [await start(), await start()];
      await first.publish({ key: 'k', text: 'same' });
      await second.publish({ key: 'k', text: 'same' });
      await first.unPublish({ key: 'k', text: 'same' });
      expect(await text('k')).toBe('same');
      await first.close();
      expect(await text('k')).toBe('same');
    });

    it('come back from an owner when a later owner has taken its own away', async () => {
      const [first, second] = [await start(), await start()];
      await first.publish({ key: 'back', text: 'first' });
      await second.publish({ key: 'back', text: 'second' });
      await second.unPublish({ key: 'back', text: 'second' });
      await eventually('the first', async () => (await text('back')) === 'first');
    });

    it('are written again when somebody has deleted them, or Redis is emptied', async () => {
      const owner = await start();
      await owner.publish({ key: 'gone', text: 'mine' });
      await (await start()).delete('gone');
      await eventually('the key', async () => (await text('gone')) === 'mine');
      await opened.redis(server).flushall();
      await eventually('the key again', async () => (await text('gone')) === 'mine');
    });

    it('are the only keys that a watch of everything sees', async () => {
      const all = await opened.ready({ url: server.url, form, prefix: form === 'versioned' ? 'all:' : '' });
      if (form === 'strings') await opened.redis(server).flushall();
      const watch = await heardBy(all, { prefix: '' });
      await all.publish({ key: 'mine', text: 'me' });
      await eventually('the key', () => JSON.stringify(watch.newest) === '{"mine":"me"}');
      await all.publish({ key: 'mine', text: 'still me' });
      await eventually('the text', () => JSON.stringify(watch.newest) === '{"mine":"still me"}');
      expect(watch.texts).toEqual([{}, { mine: 'me' }, { mine: 'still me' }]);
    });

    it('are gone after close()', async () => {
      const owner = await start();
      await owner.publish({ key: 'left', text: 'mine' });
      await owner.close();
      expect(await text('left')).toBeNull();
    });

    it('stay as they are when somebody has put another value there', async () => {
      const owner = await start();
      await owner.publish({ key: 'taken', text: 'mine' });
      const other = await start();
      await other.put('taken', Buffer.from('theirs'));
      await owner.unPublish({ key: 'taken', text: 'mine' });
      expect(await text('taken')).toBe('theirs');
      await owner.publish({ key: 'taken', text: 'mine again' });
      await other.put('taken', Buffer.from('theirs'));
      await owner.close();
      expect(await text('taken')).toBe('theirs');
    });
  });
});

// What a watch hears when the connection is lost while a prefix is read.

import type { WatchedState } from '../../src/adapters/registry';
import { WatchTable } from '../../src/adapters/watch-table';
import { NodeMirror } from '../../src/adapters/zookeeper/node-mirror';
import { Paths } from '../../src/adapters/zookeeper/paths';
import type { Session } from '../../src/adapters/zookeeper/session';
import { unreachable } from '../../src/adapters/zookeeper/zookeeper-failure';
import { systemClock } from '../../src/time';
import { eventually } from '../support/eventually';

const stat = { version: 0, mzxid: Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]), ephemeralOwner: Buffer.alloc(8), numChildren: 0 };

/** A session with the keys `p/a` and `p/b`. @param onRead called before the answer to each read, with the path */
function sessionThat(onRead: (path: string) => void): Session {
  const answer = <T>(path: string, value: T) => {
    onRead(path);
    return Promise.resolve({ code: 0, zxid: 9, value });
  };
  const session: Pick<Session, 'data' | 'children'> = {
    data: (path) => answer(path, { bytes: Buffer.from(path), stat }) as never,
    children: (path) => answer(path, path === '/p' ? ['a', 'b'] : []) as never,
  };
  return session as Session;
}

it('a prefix has no state before all of its keys were read, though the connection is lost between two reads', async () => {
  const table = new WatchTable(systemClock);
  const mirror = new NodeMirror('server', new Paths('server', ''), table, { failed: () => undefined });
  const states: WatchedState[] = [];
  const cutAfterList = sessionThat((path) => {
    // When the list is known, and before a child is read.
    if (path === '/p') void Promise.resolve().then(() => mirror.detach());
    else throw unreachable('server', 'the connection was lost');
  });
  await mirror.attach(cutAfterList, false);
  const begun = mirror.begin(table.add({ prefix: 'p/' }, (state) => states.push(state)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(states).toEqual([]);
  await mirror.attach(
    sessionThat(() => undefined),
    false,
  );
  await begun;
  await eventually('the state', () => states.length > 0);
  expect(states[0]).toMatchObject([{ key: 'p/a' }, { key: 'p/b' }]);
  table.close();
});

// The adapter for ZooKeeper, by the suite of all adapters, on a real server.

import { connectZooKeeper } from '../../src/adapters/zookeeper';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { eventually } from '../support/eventually';
import { describeWithZooKeeper, ZooKeeperServer, ZooKeeperUser } from '../support/zookeeper';
import { describeAdapter, type Place } from './conformance';
import { LACKS } from './lacks';

/** The tick of the server is 200 ms, and a session lasts 20 ticks at most. */
const LONGEST_SESSION_MS = 4_000;

describeWithZooKeeper('ZooKeeper', () => {
  describeAdapter({
    name: 'zookeeper',
    lacks: LACKS.zookeeper,
    largestBytes: 2 ** 20 - 1_024,
    timeToLiveMs: LONGEST_SESSION_MS + 1_000,
    start: async () => {
      const server = await ZooKeeperServer.start();
      let places = 0;
      return { place: () => placeAt(server, `/place-${++places}/keys`), stop: () => server.stop() };
    },
  });
});

async function placeAt(server: ZooKeeperServer, root: string): Promise<Place> {
  const user = await ZooKeeperUser.connect(server.address);
  const line = await FaultProxy.start(server.port);
  const options = { connectString: `127.0.0.1:${line.port}`, root };
  const keys = async (prefix: string): Promise<string[]> =>
    (await user.paths(root)).map((path) => path.slice(root.length + 1)).filter((key) => key.startsWith(prefix));
  return {
    connect: (shared) => connectZooKeeper(options, shared),
    inProcess: { module: 'zookeeper', connect: 'connectZooKeeper', options },
    write: (key, value) => user.write(`${root}/${key}`, value),
    remove: (key) => user.remove(`${root}/${key}`),
    keys,
    server: { kill: () => server.kill(), start: () => server.startAgain() },
    line: {
      cut: () => line.cut(),
      silence: () => line.swallow(),
      heal: () => line.stopSwallowing(),
    },
    expire: async () => {
      line.swallow();
      await eventually('the end of the session', async () => (await keys('services/')).length === 0);
      line.stopSwallowing();
    },
    close: async () => {
      await user.close();
      await line.close();
    },
  };
}

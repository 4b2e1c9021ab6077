// Values of many MB between processes: fast, whole, and nothing small waits long behind.

import cluster from '../../src/index';
import { RegistryClient } from '../fixtures/registry-client';
import { Crew } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const crew = new Crew();

afterEach(() => crew.stop());

test('20 MB go to the leader and back within 500 ms, while pings and small calls pass them', async () => {
  const port = await freePort();
  // Silence of 750 ms would end the connection. A process that has to wait for a core looks as silent.
  const options = { port, heartbeatInterval: 300, identity: 'ignore' };
  await crew.start({ options: { ...options, isLeader: true } }).ready();
  const logger = recordingLogger();
  const client = cluster(RegistryClient, { name: 'registry', ...options, isLeader: false, logger })
    .delegate('never')
    .delegate('unPublish', 'invokeOneway') // as the member
    .create();
  try {
    await client.ready();
    const large = Buffer.alloc(20_000_000, 'large values ');
    const tookMs: number[] = [];
    let small = 0;
    for (let round = 0; round < 4; round++) {
      const watch = new Stopwatch();
      let isDone = false;
      const answer = client.echo(large).finally(() => (isDone = true));
      while (!isDone) {
        await client.echo('small');
        small++;
      }
      const { args } = await answer;
      tookMs.push(watch.ownMs());
      expect((args[0] as Buffer).equals(large)).toBe(true);
    }
    // The first value warms up.
    expect(Math.min(...tookMs.slice(1))).toBeLessThan(500);
    expect(small).toBeGreaterThan(10);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]); // the connection has lived all the time
  } finally {
    await client.close();
  }
});

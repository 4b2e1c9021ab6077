import { Compaction, EVERY_MS } from '../../src/fleet/engines/etcd/compaction';
import type { EtcdLine } from '../../src/fleet/engines/etcd/line';
import { ManualClock } from '../../src/testing/manual-clock';

/** A line that only compacts and tells revisions. */
function lineWith(compacted: bigint[]): EtcdLine {
  let revision = 0n;
  return {
    keys: { leader: 'leader' },
    client: { compact: (upTo: bigint) => Promise.resolve(void compacted.push(upTo)) },
    read: () => Promise.resolve({ revision: (revision += 100n), ranges: [] }),
  } as unknown as EtcdLine;
}

it('a leader forgets what is older than an interval, until it leads no longer', async () => {
  const clock = new ManualClock();
  const compacted: bigint[] = [];
  const line = lineWith(compacted);
  const compaction = new Compaction(clock);
  const pass = async (): Promise<void> => {
    clock.advance(EVERY_MS);
    for (let turns = 0; turns < 5; turns++) await Promise.resolve();
  };
  compaction.start(line);
  await pass();
  expect(compacted).toEqual([]);
  compaction.start(line); // renewals do not begin anew
  await pass();
  await pass();
  expect(compacted).toEqual([100n, 200n]);
  compaction.stop();
  await pass();
  expect(compacted).toHaveLength(2);
});

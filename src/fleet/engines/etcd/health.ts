// What can be seen of an etcd that fills up, or is about to: its alarms, the size of its database, and whether history is compacted.

import type { EngineHealth } from '../../engine';
import { reasonOf } from '../../../etcd/etcd-failure';
import { formatBytes } from '../../../quantities';
import type { EtcdLine } from './line';

/** etcd's `--quota-backend-bytes` unless configured; etcd 3.4 does not tell what is configured. */
const DEFAULT_QUOTA_BYTES = 2 * 2 ** 30;
/** A database without compaction is no news before so many revisions. */
const MANY_REVISIONS = 10_000n;

/** @param compacts whether the fleet compacts */
export async function healthOf(line: EtcdLine, compacts: boolean): Promise<EngineHealth> {
  const { client, keys } = line;
  const [status, alarms] = await Promise.all([client.status(), client.alarms()]);
  const warnings: string[] = [];
  if (alarms.some(({ kind }) => kind === 'NOSPACE'))
    warnings.push(
      `etcd at ${status.server} is over its quota and refuses writes: compact and defragment, then \`etcdctl alarm disarm\`.`,
    );
  else if (status.databaseBytes > 0.75 * DEFAULT_QUOTA_BYTES)
    warnings.push(
      `The database of etcd at ${status.server} has ${formatBytes(status.databaseBytes)}; etcd refuses writes at its quota, ${formatBytes(DEFAULT_QUOTA_BYTES)} unless --quota-backend-bytes says otherwise.`,
    );
  if (!compacts && status.revision > MANY_REVISIONS && !(await isCompacted(line, keys.epoch)))
    warnings.push(
      `etcd at ${status.server} has ${status.revision} revisions and has never compacted its history: start etcd with --auto-compaction-retention=1h, or set \`compact: true\` if this etcd belongs to the fleet alone.`,
    );
  return { version: `etcd ${status.version}`, warnings };
}

/** Whether the first revisions are forgotten. */
async function isCompacted({ client }: EtcdLine, key: string): Promise<boolean> {
  try {
    await client.range({ key, atRevision: 2n, countOnly: true });
    return false;
  } catch (error) {
    if (reasonOf(error) === 'compacted') return true;
    throw error;
  }
}

// What Redis says of itself in INFO, as far as it matters. A user that may not ask is not stopped by that.

import { TrunklineError } from '../../errors';
import type { RedisSession } from './redis-session';

/** Scripts that look at the clock and then write need 5; 6 is the oldest version with users and their rights. */
const OLDEST = 6;

/** @throws TrunklineError ERR_TRUNKLINE_STORE_LACKS */
export async function assertNotOld(session: RedisSession, server: string): Promise<void> {
  const version = (await factsOf(session, 'server')).redis_version;
  if (version === undefined || Number.parseInt(version, 10) >= OLDEST) return;
  const sentence = `${server} has version ${version}, and trunkline/redis needs Redis ${OLDEST} or later; update the server`;
  throw new TrunklineError('ERR_TRUNKLINE_STORE_LACKS', sentence, { server, version });
}

/** The hashes of the versioned form hold many keys each, and a policy takes away a whole hash. */
export async function evictionAdvice(session: RedisSession): Promise<string | undefined> {
  const { maxmemory, maxmemory_policy: policy } = await factsOf(session, 'memory');
  if (maxmemory === undefined || maxmemory === '0' || !policy?.startsWith('allkeys-')) return undefined;
  return `evicts keys by the policy ${policy} at maxmemory, and would take all values away at once; use noeviction or a volatile policy`;
}

async function factsOf(session: RedisSession, section: string): Promise<Partial<Record<string, string>>> {
  try {
    const text = (await session.call<Buffer>('INFO', section)).toString('utf8');
    return Object.fromEntries(
      text
        .split('\r\n')
        .filter((line) => line.includes(':'))
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  } catch (error) {
    if (session.isOver) throw error;
    return {};
  }
}

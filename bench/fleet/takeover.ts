// How long a takeover lasts: three hosts with two real processes each, as in test/fleet/servers.

import { FleetHosts, type FleetProcess } from '../../test/fleet/servers/fleet-hosts';
import { now } from '../../test/support/pauses';
import { startEngine, type EngineName } from './engine-servers';

export const TTL_MS = 3_000;

export const ENDS = ['clean exit', 'process killed', 'host killed', 'host frozen'] as const;
/** How the winner ends. */
export type End = (typeof ENDS)[number];

/** @returns from the end of the winner until all living processes have a value of the next winner, ms */
export async function measureTakeover(engine: EngineName, end: End): Promise<number> {
  const server = await startEngine(engine);
  try {
    const hosts = await FleetHosts.start(server.setup, { ttlMs: TTL_MS });
    try {
      await hosts.spread();
      const winner = await hosts.winner();
      const ending = end.startsWith('host') ? hosts.on(winner.host) : [winner];
      const others = hosts.living.filter((member) => !ending.includes(member));
      const since = now();
      const followed = hosts.followed(winner.pid, others, since);
      await Promise.all(ending.map((member) => finish(member, end)));
      const tookMs = await followed;
      hosts.check();
      return tookMs;
    } finally {
      await hosts.stop();
    }
  } finally {
    await server.stop();
  }
}

async function finish(member: FleetProcess, end: End): Promise<void> {
  if (end === 'clean exit') await member.ask({ type: 'close' });
  else member.kill(end === 'host frozen' ? 'SIGSTOP' : 'SIGKILL');
}

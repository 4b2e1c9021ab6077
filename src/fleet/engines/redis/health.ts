// What a Redis says of itself, and what of that may lose data in production.

import type { EngineHealth } from '../../engine';

/** @param info the answer to INFO */
export function healthOf(info: string): EngineHealth {
  const fact = (name: string): string => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? '';
  const warnings: string[] = [];
  if (fact('aof_enabled') !== '1')
    warnings.push(
      'Redis keeps no append-only file: after a crash of Redis nobody leads for one TTL, unless the winner lives, and calls under way are lost; set appendonly yes.',
    );
  const policy = fact('maxmemory_policy');
  if (fact('maxmemory') !== '0' && !['', 'noeviction'].includes(policy))
    warnings.push(
      `Redis may evict the keys of the fleet (maxmemory-policy ${policy}): leadership and values may vanish; set noeviction.`,
    );
  return { version: fact('redis_version'), warnings };
}

// Two clients that share a channel were created with different constructor arguments, where this does not make two channels: the
// later client names the places that differ, never the values.

import { randomBytes } from 'node:crypto';
import type { ChannelId } from '../../protocol/message';
import { differingPaths, partsOf } from '../identity';
import type { ChannelSpec } from './role';

const SALT_BYTES = 16;
/** A difference is told once, not at each failover. */
const told = new WeakSet<ChannelSpec>();

/**
 * Made by the process that has the upstream client: what the other process needs to find the parts that differ; no bytes when
 * nothing differs.
 */
export function differenceTo(spec: ChannelSpec, theirs: ChannelId): Buffer {
  const own = spec.id.identity;
  if (own === theirs.identity || own === '' || theirs.identity === '') return Buffer.alloc(0);
  const salt = randomBytes(SALT_BYTES);
  return Buffer.concat([salt, partsOf(spec.args, salt)]);
}

/** @param parts what `differenceTo` gave */
export function warnOfDifference(spec: ChannelSpec, parts: Buffer): void {
  if (parts.length === 0 || told.has(spec)) return;
  told.add(spec);
  const paths = differingPaths(spec.args, parts.subarray(0, SALT_BYTES), parts.subarray(SALT_BYTES));
  const where = paths.length > 0 ? paths.join(', ') : 'parts that are not listed';
  spec.logger.warn(
    `${spec.name}: the upstream client was created with other constructor arguments (they differ in ${where}); ` +
      "give the channels different names, or set identity: 'ignore'",
  );
}

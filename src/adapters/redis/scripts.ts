// Programs in Lua that Redis runs as one step each. WRITE and DELETE are public, because other programs use them to write what the
// versioned form watches; docs/adapters.md says how.

import { createHash } from 'node:crypto';

export interface Script {
  readonly text: string;
  /** The name under which Redis keeps the script. */
  readonly sha: string;
}

export function script(...parts: string[]): Script {
  const text = parts.join('\n');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/**
 * Names, with P as the prefix. P:values (hash): key → bytes. P:versions (hash): key → version. P:names (sorted set): all keys, for prefixes.
 * P:meta (hash): last version, epoch. P:owners (hash): key → owner. P:owned:OWNER (set): keys. P:owner:OWNER: lives as long as the owner.
 * P:deadlines (sorted set): owner → ms. Changes are published on P:changes:KEY.
 */
const NAMES = `local P = ARGV[1]`;

/**
 * Versions are the last version + 1, or the time of the server in microseconds where that is more: after a loss of data, old versions do not
 * come again for other values. When maxmemory is reached, Redis refuses HSET, ZADD and SET only as long as the script has changed nothing:
 * not after a HDEL or PEXPIRE, which always work.
 */
const COMMON = `
${NAMES}
local function text(number) return string.format('%.0f', number) end
local function now() local time = redis.call('TIME') return time[1] * 1000000 + time[2] end
local function last() return tonumber(redis.call('HGET', P .. ':meta', 'last') or '0') end
local function announce(kind, key, version, bytes)
  redis.call('PUBLISH', P .. ':changes:' .. key, kind .. text(version) .. '\\n' .. bytes)
end
local function disown(key)
  local owner = redis.call('HGET', P .. ':owners', key)
  if not owner then return end
  redis.call('HDEL', P .. ':owners', key)
  redis.call('SREM', P .. ':owned:' .. owner, key)
end
local function write(key, bytes, owner)
  local version = math.max(last() + 1, now())
  redis.call('HSET', P .. ':meta', 'last', text(version))
  redis.call('HSETNX', P .. ':meta', 'epoch', text(version))
  disown(key)
  redis.call('HSET', P .. ':values', key, bytes)
  redis.call('HSET', P .. ':versions', key, text(version))
  redis.call('ZADD', P .. ':names', 0, key)
  if owner then
    redis.call('HSET', P .. ':owners', key, owner)
    redis.call('SADD', P .. ':owned:' .. owner, key)
  end
  announce('P', key, version, bytes)
  return version
end
local function remove(key)
  local version = math.max(last() + 1, now())
  redis.call('HDEL', P .. ':values', key)
  redis.call('HDEL', P .. ':versions', key)
  redis.call('ZREM', P .. ':names', key)
  disown(key)
  redis.pcall('HSET', P .. ':meta', 'last', text(version))
  announce('D', key, version, '')
end
local function versionOf(key) return tonumber(redis.call('HGET', P .. ':versions', key) or '0') end
local function leave(owner)
  for _, key in ipairs(redis.call('SMEMBERS', P .. ':owned:' .. owner)) do remove(key) end
  redis.call('DEL', P .. ':owned:' .. owner, P .. ':owner:' .. owner)
  redis.call('ZREM', P .. ':deadlines', owner)
end`;

/** ARGV: prefix, key, bytes, required version or an empty text. Returns {1, version}, or {0, present version} and writes nothing. */
export const WRITE = script(
  COMMON,
  `
local present = versionOf(ARGV[2])
if ARGV[4] ~= '' and tonumber(ARGV[4]) ~= present then return {0, present} end
return {1, write(ARGV[2], ARGV[3])}`,
);

/** ARGV: prefix, key, required version or an empty text. Returns {1, 0 or 1: whether the key existed}, or {0, present version}. */
export const DELETE = script(
  COMMON,
  `
local present = versionOf(ARGV[2])
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= present then return {0, present} end
if present == 0 then return {1, 0} end
remove(ARGV[2])
return {1, 1}`,
);

/**
 * ARGV: prefix, then `keys` and keys, or `prefix` and what keys begin with. Returns the last version, and key, version, bytes of each key
 * that exists. Writes nothing, so that it also works when maxmemory is reached.
 */
export const READ = script(
  COMMON,
  `
local keys = {}
if ARGV[2] == 'keys' then
  for index = 3, #ARGV do keys[#keys + 1] = ARGV[index] end
elseif ARGV[3] == '' then
  keys = redis.call('ZRANGE', P .. ':names', 0, -1)
else
  keys = redis.call('ZRANGEBYLEX', P .. ':names', '[' .. ARGV[3], '(' .. ARGV[3] .. '\\255')
end
local found = {last()}
for _, key in ipairs(keys) do
  local version = versionOf(key)
  if version > 0 then
    found[#found + 1] = key
    found[#found + 1] = version
    found[#found + 1] = redis.call('HGET', P .. ':values', key)
  end
end
return found`,
);

/**
 * ARGV: prefix, owner, time to live in ms, whether owned entries overwrite those of others (`publish`) or not (`restore`), then keys and
 * texts in turn.
 */
export const OWN = script(
  COMMON,
  `
local owner, ttl = ARGV[2], tonumber(ARGV[3])
redis.call('SET', P .. ':owner:' .. owner, '', 'PX', ttl)
redis.call('ZADD', P .. ':deadlines', math.floor(now() / 1000) + ttl, owner)
for index = 5, #ARGV, 2 do
  local key, bytes = ARGV[index], ARGV[index + 1]
  local holder = redis.call('HGET', P .. ':owners', key)
  local isThere = versionOf(key) > 0
  if ARGV[4] == 'publish' or not isThere or holder == owner then
    if not isThere or holder ~= owner or redis.call('HGET', P .. ':values', key) ~= bytes then write(key, bytes, owner) end
  end
end
return 1`,
);

/** ARGV: prefix, owner, key. Leaves alone what somebody else has written since. */
export const DISOWN = script(
  COMMON,
  `
if redis.call('HGET', P .. ':owners', ARGV[3]) ~= ARGV[2] then return 0 end
remove(ARGV[3])
return 1`,
);

/** ARGV: prefix, owner. Removes all entries of the owner. */
export const LEAVE = script(COMMON, `leave(ARGV[2]) return 1`);

/**
 * ARGV: prefix, owner, time to live in ms, channel, token, 1 to try whether writes work. Keeps the owner alive, removes what owners that
 * died have left, and publishes the token with the epoch. Returns whether the owner was alive, the number of its entries, and 1 if
 * writes are refused.
 */
export const PULSE = script(
  COMMON,
  `
local owner, ttl = ARGV[2], tonumber(ARGV[3])
local time = math.floor(now() / 1000)
local function isRefused(reply) return type(reply) == 'table' and reply.err ~= nil end
-- First of all, because nothing is refused after a write.
local full = ARGV[6] == '1' and isRefused(redis.pcall('HSET', P .. ':meta', 'last', text(last()))) and 1 or 0
local alive = redis.call('PEXPIRE', P .. ':owner:' .. owner, ttl)
if alive == 1 then redis.call('ZADD', P .. ':deadlines', time + ttl, owner) end
for _, other in ipairs(redis.call('ZRANGEBYSCORE', P .. ':deadlines', '-inf', time, 'LIMIT', 0, 1000)) do
  local left = redis.call('PTTL', P .. ':owner:' .. other)
  if left < 0 then leave(other) else redis.pcall('ZADD', P .. ':deadlines', time + left, other) end
end
local epoch = redis.call('HGET', P .. ':meta', 'epoch') or ''
redis.call('PUBLISH', ARGV[4], ARGV[5] .. epoch)
return {alive, redis.call('SCARD', P .. ':owned:' .. owner), full}`,
);

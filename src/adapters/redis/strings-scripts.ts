// Programs in Lua for plain keys: what takes more than one command, and must be one step.

import { script } from './scripts';

/** KEYS: key. ARGV: the SHA-1 of the value that must be there, and the new value, or nothing to delete the key. Returns 1 when done. */
export const STRINGS_REPLACE = script(`
local value = redis.call('GET', KEYS[1])
if not value or redis.sha1hex(value) ~= ARGV[1] then return 0 end
if ARGV[2] then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('DEL', KEYS[1]) end
return 1`);

/**
 * KEYS: key, key of the owner. ARGV: owner, time to live in ms, `publish` or `restore`, text. A key that stands is kept alive by PEXPIRE, which
 * also works when maxmemory is reached.
 */
export const STRINGS_OWN = script(`
local value, owner = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if value == ARGV[4] and owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
elseif ARGV[3] == 'publish' or not value then
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[2])
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return 1`);

/** KEYS: key, key of the owner. ARGV: owner, text. Leaves alone what somebody else has published or set since. */
export const STRINGS_DISOWN = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1`);

// The Lua scripts of the Redis engine: each is one transaction. Keys of a group share a hash tag, so all lie on one node of a Cluster. A
// leader is compared by the fence in the key of the leader, and an older leader changes nothing.

/** The keys and channels of a group. */
export interface RedisKeys {
  readonly prefix: string;
  readonly leader: string;
  readonly epoch: string;
  readonly values: string;
  readonly members: string;
  readonly waiting: string;
}

export function keysOf(group: string): RedisKeys {
  const prefix = `trunkline:{fleet:${group}}:`;
  return {
    prefix,
    leader: `${prefix}leader`,
    epoch: `${prefix}epoch`,
    values: `${prefix}values`,
    members: `${prefix}members`,
    waiting: `${prefix}waiting`,
  };
}

/** Milliseconds since 1970 by the clock of the server; Lua writes large numbers with an exponent unless told otherwise. */
const NOW = `
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
`;
/** The member has said something. */
const TOUCH = `
local function touch(members, prefix, member, ttl)
  redis.call('ZADD', members, string.format('%.0f', now + ttl), member)
  for _, kind in ipairs({'w:', 'c:', 'r:'}) do redis.call('PEXPIRE', prefix .. kind .. member, ttl) end
end
`;
/** Everything of a member ends, and the leader hears so. */
const FORGET = `
local function forget(members, prefix, member)
  redis.call('DEL', prefix .. 'w:' .. member, prefix .. 'c:' .. member, prefix .. 'r:' .. member)
  if redis.call('ZREM', members, member) == 1 then
    redis.call('PUBLISH', prefix .. 'wishes', cjson.encode({member = member, gone = true}))
  end
end
`;

export interface RedisScript {
  readonly keys: number;
  readonly lua: string;
}

export const SCRIPTS = {
  /** KEYS leader, epoch. ARGV prefix, member, record, highest epoch, TTL, incumbent. */
  campaign: {
    keys: 2,
    lua: `${NOW}
local l = redis.call('HMGET', KEYS[1], 'member', 'record', 'fence', 'epoch')
if l[1] == ARGV[2] then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return {'won', l[3], l[4]}
end
if l[1] then return {'led', l[2], l[3], l[4]} end
if ARGV[6] == '0' then
  local up = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')) * 1000
  if up < tonumber(ARGV[5]) then return {'wait', tostring(tonumber(ARGV[5]) - up)} end
end
local stored = tonumber(redis.call('GET', KEYS[2]) or '0')
local epoch = string.format('%.0f', math.max(stored + 1, tonumber(ARGV[4]) + 1, now))
redis.call('SET', KEYS[2], epoch)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'member', ARGV[2], 'record', ARGV[3], 'fence', epoch, 'epoch', epoch, 'guard', '0', 'seen', '0')
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', ARGV[1] .. 'leader', cjson.encode({record = ARGV[3], fence = epoch, epoch = epoch}))
return {'won', epoch, epoch}
`,
  },
  /** KEYS leader, members. ARGV prefix, whether presence counts. @returns record, fence, epoch, remaining ms, members */
  look: {
    keys: 2,
    lua: `
local l = redis.call('HMGET', KEYS[1], 'record', 'fence', 'epoch', 'seen')
if not l[1] then return {} end
if l[4] == '1' and ARGV[2] == '1' and redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. 'seen:' .. l[2])[2] == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[1] .. 'leader', '{}')
  return {}
end
return {l[1], l[2], l[3], tostring(redis.call('PTTL', KEYS[1])), tostring(redis.call('ZCARD', KEYS[2]))}
`,
  },
  /** KEYS leader. ARGV fence, seen. The leader's connection for presence is there, or is not. */
  seen: {
    keys: 1,
    lua: `
if redis.call('HGET', KEYS[1], 'fence') == ARGV[1] then redis.call('HSET', KEYS[1], 'seen', ARGV[2]) end
return 1
`,
  },
  /** KEYS leader, values. ARGV fence, TTL, how long values of a group without a leader are kept. */
  renew: {
    keys: 2,
    lua: `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
`,
  },
  /** KEYS leader. ARGV prefix, fence. */
  resign: {
    keys: 1,
    lua: `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1] .. 'leader', '{}')
return 1
`,
  },
  /** KEYS leader, values. ARGV prefix, fence, guard, then for each value key, bytes, and whether the key stays. */
  write: {
    keys: 2,
    lua: `
local l = redis.call('HMGET', KEYS[1], 'fence', 'guard')
if l[1] ~= ARGV[2] or tonumber(ARGV[3]) < tonumber(l[2]) then return 0 end
if tonumber(ARGV[3]) == tonumber(l[2]) then return 1 end
redis.call('HSET', KEYS[1], 'guard', ARGV[3])
for i = 4, #ARGV, 3 do
  if ARGV[i + 2] == '1' then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) else redis.call('HDEL', KEYS[2], ARGV[i]) end
  redis.call('PUBLISH', ARGV[1] .. 'v:' .. ARGV[i], ARGV[i + 1])
end
return 1
`,
  },
  /** KEYS members. ARGV prefix, member, TTL. @returns whether the member was known */
  touch: {
    keys: 1,
    lua: `${NOW}${TOUCH}
local known = redis.call('ZSCORE', KEYS[1], ARGV[2])
touch(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
if known then return 1 end
return 0
`,
  },
  /** KEYS members. ARGV prefix, member, TTL, whole, message, number of fields that go, these fields, then fields with bytes. */
  want: {
    keys: 1,
    lua: `${NOW}${TOUCH}
local key = ARGV[1] .. 'w:' .. ARGV[2]
if ARGV[4] == '1' then redis.call('DEL', key) end
local gone = tonumber(ARGV[6])
for i = 7, 6 + gone do redis.call('HDEL', key, ARGV[i]) end
for i = 7 + gone, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
touch(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
redis.call('PUBLISH', ARGV[1] .. 'wishes', ARGV[5])
return 1
`,
  },
  /** KEYS members. ARGV prefix. @returns members, fields and bytes of all wishes, three for each */
  wishes: {
    keys: 1,
    lua: `
local all = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local wishes = redis.call('HGETALL', ARGV[1] .. 'w:' .. member)
  for i = 1, #wishes, 2 do
    all[#all + 1] = member
    all[#all + 1] = wishes[i]
    all[#all + 1] = wishes[i + 1]
  end
end
return all
`,
  },
  /** KEYS members. ARGV prefix. Members that have said nothing for too long end. */
  purge: {
    keys: 1,
    lua: `${NOW}${FORGET}
local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)
for _, member in ipairs(silent) do forget(KEYS[1], ARGV[1], member) end
return #silent
`,
  },
  /** KEYS members, leader. ARGV prefix, member, fence. The member ends, and so does the leadership. */
  forget: {
    keys: 2,
    lua: `${FORGET}
forget(KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] == '' or redis.call('HGET', KEYS[2], 'fence') ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[1] .. 'leader', '{}')
return 1
`,
  },
  /** KEYS members, waiting. ARGV prefix, member, TTL, then numbers with bytes. */
  call: {
    keys: 2,
    lua: `${NOW}${TOUCH}
local key = ARGV[1] .. 'c:' .. ARGV[2]
local last = tonumber(redis.call('HGET', key, 'last') or '0')
local fresh = {}
for i = 4, #ARGV, 2 do
  local number = tonumber(ARGV[i])
  if number > last then
    redis.call('HSET', key, ARGV[i], '|' .. ARGV[i + 1], 'last', ARGV[i])
    redis.call('SADD', KEYS[2], ARGV[2] .. ' ' .. ARGV[i])
    fresh[#fresh + 1] = ARGV[i]
    last = number
  end
end
touch(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
if #fresh > 0 then redis.call('PUBLISH', ARGV[1] .. 'calls', ARGV[2] .. ' ' .. table.concat(fresh, ' ')) end
return #fresh
`,
  },
  /** KEYS leader, waiting. ARGV prefix, fence, then members with numbers. @returns positions with bytes; nothing when deposed */
  take: {
    keys: 2,
    lua: `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return false end
local taken = {}
for i = 3, #ARGV, 2 do
  local key = ARGV[1] .. 'c:' .. ARGV[i]
  local call = redis.call('HGET', key, ARGV[i + 1])
  if call then
    local bar = string.find(call, '|', 1, true)
    local claimed = string.sub(call, 1, bar - 1)
    if claimed == '' or claimed == ARGV[2] then
      local bytes = string.sub(call, bar + 1)
      redis.call('HSET', key, ARGV[i + 1], ARGV[2] .. '|' .. bytes)
      taken[#taken + 1] = tostring((i - 3) / 2)
      taken[#taken + 1] = bytes
    end
  end
  redis.call('SREM', KEYS[2], ARGV[i] .. ' ' .. ARGV[i + 1])
end
return taken
`,
  },
  /** KEYS leader. ARGV prefix, fence, TTL of members, then members, numbers and bytes. */
  reply: {
    keys: 1,
    lua: `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return 0 end
for i = 4, #ARGV, 3 do
  local calls = ARGV[1] .. 'c:' .. ARGV[i]
  local call = redis.call('HGET', calls, ARGV[i + 1])
  if call and string.sub(call, 1, #ARGV[2] + 1) == ARGV[2] .. '|' then
    redis.call('HDEL', calls, ARGV[i + 1])
    local replies = ARGV[1] .. 'r:' .. ARGV[i]
    redis.call('HSET', replies, ARGV[i + 1], ARGV[i + 2])
    redis.call('PEXPIRE', replies, ARGV[3])
    redis.call('PUBLISH', replies, ARGV[i + 1] .. '|' .. ARGV[i + 2])
  end
end
return 1
`,
  },
  /** KEYS waiting. ARGV prefix, member, then numbers. @returns the numbers that nobody has claimed */
  withdraw: {
    keys: 1,
    lua: `
local free = {}
for i = 3, #ARGV do
  local key = ARGV[1] .. 'c:' .. ARGV[2]
  local call = redis.call('HGET', key, ARGV[i])
  if call and string.sub(call, 1, 1) == '|' then
    redis.call('HDEL', key, ARGV[i])
    redis.call('SREM', KEYS[1], ARGV[2] .. ' ' .. ARGV[i])
    free[#free + 1] = ARGV[i]
  end
end
return free
`,
  },
  /** KEYS members. ARGV prefix, member, fence, then numbers. @returns the numbers that will have no answer */
  lost: {
    keys: 1,
    lua: `
local lost = {}
for i = 4, #ARGV do
  local call = redis.call('HGET', ARGV[1] .. 'c:' .. ARGV[2], ARGV[i])
  if call then
    local claimed = string.sub(call, 1, string.find(call, '|', 1, true) - 1)
    if claimed ~= '' and claimed ~= ARGV[3] then lost[#lost + 1] = ARGV[i] end
  elseif redis.call('HEXISTS', ARGV[1] .. 'r:' .. ARGV[2], ARGV[i]) == 0 then
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
`,
  },
} as const satisfies Record<string, RedisScript>;

export type ScriptName = keyof typeof SCRIPTS;

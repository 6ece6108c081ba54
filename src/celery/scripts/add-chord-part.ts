/**
 * Counts a part of a chord as done, once: earlier members of the same task are replaced, even if another worker wrote
 * them with different spaces. A Celery worker before 5.7 counts a repeated task twice if the repeat has another result.
 * So before a chord is finished, the first member of each task is kept and the others are dropped. The task that counts
 * the last part owns the chord for a while, to finish it. Celery ≥ 5.7 does the same with the same keys; older versions
 * do not know `.d` and `.c`, and leave them to expire.
 *
 * KEYS: parts (.j), size (.s), extra count (.t), counted members (.d), owner (.c). ARGV: member, score, task id,
 * seconds to keep the keys (0: forever), the caller, seconds for which it owns the chord. Returns whether it does.
 */
export const ADD_CHORD_PART = `
local function taskOf(member)
  local ok, part = pcall(cjson.decode, member)
  if ok and type(part) == 'table' then return part[2] end
  return string.match(member, '^%[1, ?"([^"\\\\]+)"') or member -- cjson cannot read lone surrogates
end
if redis.call('GET', KEYS[5]) == 'done' then return 0 end
local same
if ARGV[2] == '+inf' then
  same = redis.call('ZRANGE', KEYS[1], 0, -1)
else
  same = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2])
end
for _, member in ipairs(same) do
  if taskOf(member) == ARGV[3] then redis.call('ZREM', KEYS[1], member) end
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('SADD', KEYS[4], ARGV[3] .. ':' .. ARGV[2])
redis.call('EXPIRE', KEYS[4], 86400)
if tonumber(ARGV[4]) > 0 then
  for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
end
local size = redis.call('GET', KEYS[2])
if not size then return 0 end
local total = tonumber(size) + tonumber(redis.call('GET', KEYS[3]) or 0)
local count = redis.call('ZCARD', KEYS[1])
if count < total then return 0 end
local seen = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local task = taskOf(member)
  if seen[task] then
    redis.call('ZREM', KEYS[1], member)
    count = count - 1
  end
  seen[task] = true
end
if count ~= total then return 0 end
local owner = redis.call('GET', KEYS[5])
if owner and owner ~= ARGV[5] then return 0 end
redis.call('SET', KEYS[5], ARGV[5], 'EX', ARGV[6])
return 1
`;

/**
 * Counts a member of a chord as done, once: whatever the same task has left before is replaced, also where another
 * worker wrote it with other spaces. With the last member the caller gets the chord, to end it, for a while; Celery ≥ 5.7
 * does the same with the same keys; older ones know neither `.d` nor `.c`, and leave them to expire.
 *
 * KEYS: parts (.j), size (.s), extra count (.t), counted members (.d), whose it is (.c). ARGV: member, score, task id,
 * seconds to keep them (0: for ever), who asks, seconds that the chord is theirs. Returns whether it is.
 */
export const ADD_CHORD_PART = `
if redis.call('GET', KEYS[5]) == 'done' then return 0 end
local same
if ARGV[2] == '+inf' then
  same = redis.call('ZRANGE', KEYS[1], 0, -1)
else
  same = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2])
end
for _, member in ipairs(same) do
  local ok, part = pcall(cjson.decode, member)
  if ok and type(part) == 'table' and part[2] == ARGV[3] then redis.call('ZREM', KEYS[1], member) end
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('SADD', KEYS[4], ARGV[3] .. ':' .. ARGV[2])
redis.call('EXPIRE', KEYS[4], 86400)
if tonumber(ARGV[4]) > 0 then
  for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
end
local size = redis.call('GET', KEYS[2])
local extra = redis.call('GET', KEYS[3]) or 0
if not size or redis.call('ZCARD', KEYS[1]) ~= tonumber(size) + tonumber(extra) then return 0 end
local owner = redis.call('GET', KEYS[5])
if owner and owner ~= ARGV[5] then return 0 end
redis.call('SET', KEYS[5], ARGV[5], 'EX', ARGV[6])
return 1
`;

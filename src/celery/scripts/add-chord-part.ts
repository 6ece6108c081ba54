/**
 * Counts a member of a chord as done, once: whatever the same task has left before is replaced, also where another
 * worker wrote it with other spaces.
 *
 * KEYS: parts (.j), size (.s), extra count (.t). ARGV: member, score, task id, seconds to keep them (0: for ever).
 * Returns [parts, size or false, extra count].
 */
export const ADD_CHORD_PART = `
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
if tonumber(ARGV[4]) > 0 then
  for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
end
return {redis.call('ZCARD', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3]) or '0'}
`;

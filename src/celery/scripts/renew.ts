/**
 * Renews the messages that a worker holds, so that Python's workers do not restore them. Messages that others have
 * restored or taken over meanwhile are not touched.
 *
 * KEYS: unacked_index, the worker's held messages. ARGV: tags. Returns the tags that the worker has lost.
 */
export const RENEW = `
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local lost = {}
for _, tag in ipairs(ARGV) do
  local score = redis.call('ZSCORE', KEYS[1], tag)
  if score and score == redis.call('HGET', KEYS[2], tag) then
    redis.call('ZADD', KEYS[1], now, tag)
    redis.call('HSET', KEYS[2], tag, redis.call('ZSCORE', KEYS[1], tag))
  else
    redis.call('HDEL', KEYS[2], tag)
    lost[#lost + 1] = tag
  end
end
return lost
`;

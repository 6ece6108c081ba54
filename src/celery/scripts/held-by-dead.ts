/**
 * Returns the messages that a dead worker still holds. Forgets those that others have already taken over and, once
 * there are none left, the worker.
 *
 * KEYS: workers by the time of their last heartbeat, the dead worker's held messages, unacked_index, unacked.
 * ARGV: the worker, lifetime in seconds, about how many messages to return.
 * Returns [tag, score, entry of `unacked`, …]; nothing if the worker is alive after all.
 */
export const HELD_BY_DEAD = `
local time = redis.call('TIME')
local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not beat or tonumber(beat) > time[1] + time[2] / 1000000 - tonumber(ARGV[2]) then return {} end
local held = redis.call('HSCAN', KEYS[2], 0, 'COUNT', ARGV[3])[2]
local found = {}
for i = 1, #held, 2 do
  local entry = redis.call('HGET', KEYS[4], held[i])
  if entry and held[i + 1] == redis.call('ZSCORE', KEYS[3], held[i]) then
    found[#found + 1] = held[i]
    found[#found + 1] = held[i + 1]
    found[#found + 1] = entry
  else
    redis.call('HDEL', KEYS[2], held[i])
  end
end
if redis.call('HLEN', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
return found
`;

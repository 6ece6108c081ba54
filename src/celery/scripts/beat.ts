/**
 * A worker's heartbeat. Also finds what has to be restored: the messages of workers whose heartbeats have stopped, and
 * messages that are long past the visibility timeout.
 *
 * While the broker is down, no worker can send heartbeats. So if no worker sent one for `gap` seconds, or if the
 * server's clock was set back, all workers that were alive before get a full new lifetime.
 *
 * KEYS: workers by the time of their last heartbeat, this worker's held messages, unacked_index, the marker of the last
 * restore of expired messages. ARGV: worker, lifetime and gap in seconds, the age in seconds at which messages are
 * expired, how many of them are restored at a time, and the milliseconds between two such restores in the cluster.
 * Returns [whether this worker is new or was considered dead, number of its messages, dead workers, [tag, score, …]].
 */
export const BEAT = `
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local lifetime = tonumber(ARGV[2])
local newest = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
local asOf = now
if newest and (now - newest > tonumber(ARGV[3]) or newest > now) then asOf = newest end
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', asOf - lifetime)
if asOf ~= now then
  local workers = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for i = 1, #workers, 2 do
    local isDead = tonumber(workers[i + 1]) <= asOf - lifetime
    redis.call('ZADD', KEYS[1], isDead and now - lifetime or now, workers[i])
  end
end
local isBack = redis.call('ZADD', KEYS[1], now, ARGV[1])
local dead = {}
for _, worker in ipairs(found) do
  if worker == ARGV[1] then isBack = 1 else dead[#dead + 1] = worker end
end
local expired = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[4]), 'WITHSCORES', 'LIMIT', 0, ARGV[5])
if #expired > 0 and not redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', ARGV[6]) then expired = {} end
return {isBack, redis.call('HLEN', KEYS[2]), dead, expired}
`;

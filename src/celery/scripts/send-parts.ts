/**
 * Sends parts of a chord in order, each once: the ledger lists the ids of the parts that were sent. Senders of the same
 * chord send the same parts in the same order, so a part is pushed only if the ledger is exactly as long as its
 * position. The size of the chord is set in the same step in which its last part is sent: never too early, and never
 * again once the chord may have finished.
 *
 * KEYS: ledger, size (.s), the chord's owner (.c), then the lists to push to.
 * ARGV: position of the first part, seconds to keep the ledger, the number of parts in the chord if these are the last
 * ones and else 0, seconds to keep the size (0: forever), then for each part: id, index of its list from 1, message.
 * Returns how many were sent; -1 if earlier parts are missing from the ledger, -2 if the ledger has other parts.
 */
export const SEND_PARTS = `
local position = tonumber(ARGV[1])
local sent = redis.call('LLEN', KEYS[1])
if position > sent then return -1 end
if position < sent and redis.call('LINDEX', KEYS[1], position) ~= ARGV[5] then return -2 end
local total = tonumber(ARGV[3])
local count = 0
for i = 5, #ARGV, 3 do
  if position == sent then
    if position + 1 == total then
      redis.call('DEL', KEYS[3])
      redis.call('SET', KEYS[2], total)
      if tonumber(ARGV[4]) > 0 then redis.call('EXPIRE', KEYS[2], ARGV[4]) end
    end
    redis.call('RPUSH', KEYS[1], ARGV[i])
    redis.call('LPUSH', KEYS[3 + tonumber(ARGV[i + 1])], ARGV[i + 2])
    sent = sent + 1
    count = count + 1
  end
  position = position + 1
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return count
`;

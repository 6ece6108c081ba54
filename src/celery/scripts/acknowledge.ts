/**
 * Removes a message that its owner has finished. A message that another worker has taken over is left alone.
 *
 * KEYS: unacked, unacked_index, the owner's held messages. ARGV: tag. Returns whether it was removed.
 */
export const ACKNOWLEDGE = `
local score = redis.call('HGET', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if not score or score ~= redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
`;

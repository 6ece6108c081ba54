/**
 * Moves a message out of `unacked` to a queue, in one step, if nobody has changed or taken it in between.
 *
 * KEYS: unacked, unacked_index, list. ARGV: tag, the entry as it was read, the message to push, `front` or `back`.
 * Returns whether it was moved.
 */
export const MOVE_UNACKED = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call(ARGV[4] == 'front' and 'RPUSH' or 'LPUSH', KEYS[3], ARGV[3])
return 1
`;

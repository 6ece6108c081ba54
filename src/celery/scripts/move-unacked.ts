/**
 * Moves a message from `unacked` to a queue, in one step, unless it was renewed, changed or claimed since it was read.
 *
 * KEYS: unacked, unacked_index, list, its owner's held messages. ARGV: tag, the entry and the score as they were read,
 * the message to push, `front` or `back`. Returns whether it was moved.
 */
export const MOVE_UNACKED = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call(ARGV[5] == 'front' and 'RPUSH' or 'LPUSH', KEYS[3], ARGV[4])
return 1
`;

/** How long the sender of a lost task keeps others from sending it too, in seconds. */
export const SENT_AGAIN_SECONDS = 60;

/**
 * Sends a message, in one step, unless one with the same record was sent before: only one of several senders sends it.
 *
 * KEYS: record, list. ARGV: message, seconds to keep the record. Returns whether it was sent.
 */
export const SEND_ONCE = `
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[1])
return 1
`;

/**
 * Sends a lost message again. If several callers find the same loss at the same time, one of them sends it, and the
 * others are refused for a while.
 *
 * KEYS: lock, list, then records to delete, so that the tasks that follow the lost one can be sent again too. ARGV:
 * message, seconds to refuse others. Returns whether it was sent.
 */
export const SEND_AGAIN = `
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2]) then return 0 end
for i = 3, #KEYS do redis.call('DEL', KEYS[i]) end
redis.call('LPUSH', KEYS[2], ARGV[1])
return 1
`;

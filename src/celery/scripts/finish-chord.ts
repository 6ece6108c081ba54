/**
 * Finishes a chord once, for the first caller: sends its body and deletes its keys in one step. If there is nothing to
 * send (for example, a part failed), it only deletes the keys. A marker then records for a while that the chord has
 * finished, so that a part that runs again does not restart it.
 *
 * KEYS: parts (.j), size (.s), extra count (.t), counted members (.d), owner (.c), and the list to push to, if any.
 * ARGV: the caller, seconds to keep the marker, and the message, if any. Returns whether this call finished it.
 */
export const FINISH_CHORD = `
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
local owner = redis.call('GET', KEYS[5])
if owner and owner ~= ARGV[1] then return 0 end
if KEYS[6] then redis.call('LPUSH', KEYS[6], ARGV[3]) end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('SET', KEYS[5], 'done', 'EX', ARGV[2])
return 1
`;

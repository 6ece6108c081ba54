/**
 * Ends a chord once, whoever comes first: sends its body and deletes its keys in one step. Where nothing is to be sent
 * (a part failed), only the keys go. What is left says for a while that the chord has ended, so that a part that runs
 * again does not begin it anew.
 *
 * KEYS: parts (.j), size (.s), extra count (.t), counted members (.d), whose it is (.c), and the list to push to, if any.
 * ARGV: who ends it, seconds to remember that, and the message, if any. Returns whether this call ended it.
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

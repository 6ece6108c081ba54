/**
 * Ends a chord once, whoever comes first: sends its body and deletes its keys in one step. Where nothing is to be sent
 * (a part failed), only the keys go.
 *
 * KEYS: parts (.j), size (.s), extra count (.t), and the list to push to, if any. ARGV: message, if any.
 * Returns whether this call ended it.
 */
export const FINISH_CHORD = `
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
if KEYS[4] then redis.call('LPUSH', KEYS[4], ARGV[1]) end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return 1
`;

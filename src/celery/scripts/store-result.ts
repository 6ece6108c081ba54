/**
 * Stores the outcome of a task and notifies waiting clients. A success is never overwritten: a redelivered task that
 * fails later changes nothing.
 *
 * KEYS: result. ARGV: JSON, seconds to keep it (0: forever). Returns whether it was stored.
 */
export const STORE_RESULT = `
local stored = redis.call('GET', KEYS[1])
if stored then
  local ok, meta = pcall(cjson.decode, stored)
  if ok and type(meta) == 'table' and meta.status == 'SUCCESS' then return 0 end
  -- cjson can read neither lone surrogates nor deep nesting; all writers put the status first.
  if not ok and string.find(stored, '^{"status": ?"SUCCESS"') then return 0 end
end
if tonumber(ARGV[2]) > 0 then
  redis.call('SETEX', KEYS[1], ARGV[2], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
`;

/**
 * Takes the next message of the lists into `unacked` in one step, so that it is never in neither: kombu's BRPOP and
 * HSET leave a gap in which a death loses it. What cannot be read goes to the queue's list of rejected items.
 *
 * The message itself is copied, never encoded again: cjson would change empty lists and large numbers.
 *
 * KEYS: unacked, unacked_index, then for each list to look at: the list, its list of rejected items.
 * Returns [index of the list, tag, message], or nothing.
 */
export const CLAIM = `
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
for i = 3, #KEYS, 2 do
  local raw = redis.call('RPOP', KEYS[i])
  while raw do
    local ok, message = pcall(cjson.decode, raw)
    local properties = ok and type(message) == 'table' and message.properties
    local tag = type(properties) == 'table' and properties.delivery_tag
    if type(tag) == 'string' then
      local info = type(properties.delivery_info) == 'table' and properties.delivery_info or {}
      local exchange = type(info.exchange) == 'string' and info.exchange or ''
      local key = type(info.routing_key) == 'string' and info.routing_key or ''
      redis.call('ZADD', KEYS[2], now, tag)
      redis.call('HSET', KEYS[1], tag, '[' .. raw .. ', ' .. cjson.encode(exchange) .. ', ' .. cjson.encode(key) .. ']')
      return {(i - 3) / 2, tag, raw}
    end
    redis.call('LPUSH', KEYS[i + 1], raw)
    raw = redis.call('RPOP', KEYS[i])
  end
end
return false
`;

/**
 * Moves the next message of the lists to `unacked` in one step, so that it is always in one or the other. kombu uses
 * BRPOP and then HSET, and a crash in between loses it. The same step records the owner: see ../worker-registry.ts.
 *
 * The message is copied, never encoded again: cjson would change empty lists and large numbers. An item that cjson
 * cannot read, or that does not say where it came from, stays at the front of its list and is returned without a tag.
 * The worker reads it and claims again, to take it under the tag that it has found, or to move it to the list of
 * rejected items.
 *
 * Each claim has a number. A claim whose answer was lost is sent again on the next connection and then returns the same
 * message; a copy that arrives later still, from an abandoned connection, returns nothing.
 *
 * KEYS: unacked, unacked_index, the owner's held messages, then for each list to check: the list, its list of rejected
 * items; last, the record of the consumer's latest claim. ARGV: the number of the claim, seconds to keep the record,
 * the maximum bytes of a message to return; for an item that the worker has read itself: its SHA-1, tag (empty to
 * reject it), exchange, routing key.
 * Returns [index of the list, tag, message, its length in bytes, task id, task name], with an empty message if it has
 * too many bytes; [index, '', message, bytes, SHA-1] for an item that the worker has to read; or nothing.
 */
export const CLAIM = `
local function member(of, name)
  return type(of) == 'table' and of[name] or nil
end
local function text(value)
  return type(value) == 'string' and value or ''
end
local function read(raw)
  local ok, message = pcall(cjson.decode, raw)
  return ok and message
end
local function answer(index, tag, raw, headers)
  local returned = #raw <= tonumber(ARGV[3]) and raw or ''
  return {index, tag, returned, #raw, text(member(headers, 'id')), text(member(headers, 'task'))}
end

local record = KEYS[#KEYS]
local function note(found)
  redis.call('SET', record, ARGV[1] .. ':' .. found, 'EX', ARGV[2])
end
local number, index, length, score, claimed =
  string.match(redis.call('GET', record) or '', '^(%d+):(%d*):(%d*):([%d.]*):(.*)$')
if number and tonumber(number) >= tonumber(ARGV[1]) then
  local held = tonumber(number) == tonumber(ARGV[1]) and claimed ~= '' and redis.call('ZSCORE', KEYS[2], claimed)
  if not held or tonumber(held) ~= tonumber(score) then return false end
  local raw = string.sub(redis.call('HGET', KEYS[1], claimed), 2, 1 + length)
  return answer(tonumber(index), claimed, raw, member(read(raw), 'headers'))
end

local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
for i = 4, #KEYS - 1, 2 do
  local raw = redis.call('RPOP', KEYS[i])
  if raw then
    local message = read(raw)
    local properties = member(message, 'properties')
    local tag = text(member(properties, 'delivery_tag'))
    local exchange = text(member(member(properties, 'delivery_info'), 'exchange'))
    local key = text(member(member(properties, 'delivery_info'), 'routing_key'))
    if not string.find(tag, '^[%w%p]+$') or exchange .. key == '' then
      local digest = redis.sha1hex(raw)
      if digest ~= ARGV[4] then
        redis.call('RPUSH', KEYS[i], raw)
        note(':::')
        local unread = answer((i - 4) / 2, '', raw)
        unread[5] = digest
        return unread
      end
      if ARGV[5] == '' then
        if #raw <= tonumber(ARGV[3]) then
          redis.call('LPUSH', KEYS[i + 1], raw)
          redis.call('LTRIM', KEYS[i + 1], 0, 999)
        end
        note(':::')
        return false
      end
      tag, exchange, key = ARGV[5], ARGV[6], ARGV[7]
    end
    redis.call('ZADD', KEYS[2], now, tag)
    redis.call('HSET', KEYS[1], tag, '[' .. raw .. ', ' .. cjson.encode(exchange) .. ', ' .. cjson.encode(key) .. ']')
    local score = redis.call('ZSCORE', KEYS[2], tag)
    redis.call('HSET', KEYS[3], tag, score)
    note(table.concat({(i - 4) / 2, #raw, score, tag}, ':'))
    return answer((i - 4) / 2, tag, raw, member(message, 'headers'))
  end
end
note(':::')
return false
`;

"""What Redis does in one step. Each script takes many users, so that a call is worth its trip.

A user whose key has a wrong type is skipped and named in the answer; any other error ends the
script, and all of it is done again, which changes nothing.
"""

_EACH_USER = """
local refused = {}
local rows = cjson.decode(ARGV[1])
for place, key in ipairs(KEYS) do
  local row = rows[place]
  local answer = write(key, row)
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'WRONGTYPE', 1, true) then
      return redis.error_reply(answer.err)
    end
    refused[#refused + 1] = place - 1
  end
end
return refused
"""

HISTORY = (
    """
local size = tonumber(ARGV[2])
local function split(text)
  local parts = {}
  for part in string.gmatch(text, '[^,]+') do parts[#parts + 1] = part end
  return parts
end
local function merged(known, row)
  local old, new, all = split(known), split(row), {}
  local i, j = 1, 1
  while #all < size and (i <= #old or j <= #new) do
    local a, b = old[i], new[j]
    if not b or (a and a >= b) then
      all[#all + 1] = a
      i = i + 1
      if a == b then j = j + 1 end
    else
      all[#all + 1] = b
      j = j + 1
    end
  end
  return table.concat(all, ',')
end
local function write(key, row)
  local events = key .. ':events'
  local length = redis.pcall('LLEN', key)
  if type(length) == 'table' then return length end
  local known = redis.pcall('GET', events)
  if type(known) == 'table' then return known end
  local all = known and merged(known, row) or row
  if all == known and length > 0 then return end
  local items = {}
  for item in string.gmatch(all, ' (%-?%d+)') do items[#items + 1] = item end
  redis.call('SET', events, all)
  redis.call('DEL', key)
  redis.call('RPUSH', key, unpack(items))
end
"""
    + _EACH_USER
)
"""KEYS: `history:<user>`. ARGV: a JSON list of each one's last events, and the size.

`history:<user>:events` keeps the same last events with what orders them, newest first: what
is merged into it, in whatever order and however often, ends in the same list.
"""

RECOMMENDATIONS = (
    """
local function write(key, row)
  local length = redis.pcall('LLEN', key)
  if type(length) == 'table' then return length end
  local known = redis.pcall('GET', key .. ':time')
  if type(known) == 'table' then return known end
  if known and tonumber(known) > tonumber(row[1]) then return end
  redis.call('DEL', key)
  if #row > 1 then redis.call('RPUSH', key, unpack(row, 2)) end
  redis.call('SET', key .. ':time', row[1])
end
"""
    + _EACH_USER
)
"""KEYS: `recommendations:<user>`. ARGV: a JSON list of [time, item, ...] for each."""

POPULAR = """
local known = redis.call('GET', KEYS[3])
local window_end, size = ARGV[1], tonumber(ARGV[2])
if known and tonumber(known) > tonumber(window_end) then return 0 end
local items, counts = {}, {}
for place = 1, size do
  local item = ARGV[2 + place]
  items[place] = item
  counts[2 * place - 1], counts[2 * place] = item, ARGV[2 + size + place]
end
redis.call('LLEN', KEYS[1])
redis.call('HLEN', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('RPUSH', KEYS[1], unpack(items))
redis.call('HSET', KEYS[2], unpack(counts))
redis.call('SET', KEYS[3], window_end)
return 1
"""
"""KEYS: `popular:items`, `popular:counts`, `popular:window_end`. ARGV: the window's end, how
many items there are, the items, their counts."""

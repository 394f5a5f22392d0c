"""Lua scripts that update keys atomically, each for many users in one call.

A user whose key has a wrong type is skipped, and the script returns the user's index. Any other
error ends the script. The call is then repeated, which does not change what was already written.

A stored time after the latest valid time, which each call brings along, is from the future: a value
with a valid time replaces it. A stored time that is no number is replaced too.
"""

_BESIDE = """
local beside, set = {}, {}
for place, key in ipairs(KEYS) do beside[place] = key .. ':%s' end
local all_known = redis.call('MGET', unpack(beside))
local function known_of(place)
  -- MGET returns nothing for a key of a wrong type, GET an error.
  return all_known[place] or redis.pcall('GET', beside[place])
end
local function keep(place, value)
  set[#set + 1], set[#set + 2] = beside[place], value
end
"""
"""Reads and writes a string beside each key, those of all keys by one command. Half of the cost of
a row is its commands, each of which the server appends to its log."""

_IS_NEWER = """
local function is_newer(known, time, limit)
  return known and known > time and (known <= limit or time > limit)
end
"""
"""Whether a known time keeps its value from being replaced by the value of a time."""

_EACH_USER = """
local refused = {}
for place, key in ipairs(KEYS) do
  local answer = write(key, place)
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'WRONGTYPE', 1, true) then
      return redis.error_reply(answer.err)
    end
    refused[#refused + 1] = place - 1
  end
end
if #set > 0 then redis.call('MSET', unpack(set)) end
local seconds = tonumber(ARGV[#ARGV])
if seconds > 0 then
  for place = 1, #set, 2 do
    redis.call('EXPIRE', set[place], seconds)
    redis.call('EXPIRE', string.match(set[place], '^(.*):'), seconds)
  end
end
return refused
"""

HISTORY = (
    _BESIDE % "events"
    + """
local size, width, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local function from_future(known)
  local count = 0
  while string.sub(known, count * width + 1, count * width + #limit) > limit do
    count = count + 1
  end
  return count
end
local function items_of(text)
  local items = {}
  for item in string.gmatch(text, '[^\\n]+') do items[#items + 1] = item end
  return items
end
local function merged(known, old_items, row, new_items)
  local all, items = {}, {}
  local i, j = 1, 1
  while #all < size and (i <= #known or j <= #row) do
    local a, b = string.sub(known, i, i + width - 1), string.sub(row, j, j + width - 1)
    if a >= b then
      all[#all + 1], items[#items + 1] = a, old_items[(i - 1) / width + 1]
      i = i + width
      if a == b then j = j + width end
    else
      all[#all + 1], items[#items + 1] = b, new_items[#new_items - (j - 1) / width]
      j = j + width
    end
  end
  return table.concat(all), items
end
local function write(key, place)
  local row = ARGV[2 * place + 2]
  local new_items = items_of(ARGV[2 * place + 3])
  local known = known_of(place)
  if type(known) == 'table' then return known end
  known = known or ''
  local ahead = from_future(known)
  if ahead > 0 and from_future(row) == 0 then
    local length = redis.pcall('LLEN', key)
    if type(length) == 'table' then return length end
    if length == #known / width then redis.call('LTRIM', key, ahead, -1) end
    known = string.sub(known, ahead * width + 1)
  end
  if string.sub(known, 1, width) < string.sub(row, -width) then
    local length = redis.pcall('LPUSH', key, unpack(new_items))
    if type(length) == 'table' then return length end
    if length ~= #known / width + #new_items then
      redis.call('LTRIM', key, 0, #new_items - 1)
      known = ''
    elseif length > size then
      redis.call('LTRIM', key, 0, size - 1)
    end
    return keep(place, string.sub(row .. known, 1, size * width))
  end
  local old_items = redis.pcall('LRANGE', key, 0, -1)
  if old_items.err then return old_items end
  if #old_items ~= #known / width then known = '' end
  local all, items = merged(known, old_items, row, new_items)
  if all == known then return end
  redis.call('DEL', key)
  redis.call('RPUSH', key, unpack(items))
  keep(place, all)
end
"""
    + _EACH_USER
)
"""KEYS: `history:<user>`. ARGV: the size, the width of a sort key, the latest valid time as in a
sort key, and for each user the sort keys of the last events, newest first, and their items, oldest
first, separated by line feeds; then the seconds after which the keys expire, 0 for never.

`history:<user>:events` keeps the sort keys of the list's items, in the same order. Merging events
in any order, and repeatedly, results in the same list. Events that are newer than all of the list,
the common case, are pushed. A list that something else has changed is started again.
"""

RECOMMENDATIONS = (
    _BESIDE % "time"
    + _IS_NEWER
    + """
local limit = tonumber(ARGV[3])
local lists, numbers = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local same = {}
for place, key in ipairs(KEYS) do
  if numbers[3 * place] >= 0 then same[#same + 1] = key end
end
local are_there = #same > 0 and redis.call('EXISTS', unpack(same)) == #same
local function write(key, place)
  local known, time = known_of(place), numbers[3 * place - 1]
  if type(known) == 'table' then return known end
  known = tonumber(known)
  if is_newer(known, time, limit) then return end
  if not (are_there and known == numbers[3 * place]) then
    local list = lists[numbers[3 * place - 2]]
    local size = #list
    if size > 0 then
      local length = redis.pcall('RPUSH', key, unpack(list))
      if type(length) == 'table' then return length end
      if length > size then redis.call('LTRIM', key, -size, -1) end
    else
      local emptied = redis.pcall('LTRIM', key, 1, 0)
      if emptied.err then return emptied end
    end
  end
  keep(place, string.format('%d', time))
end
"""
    + _EACH_USER
)
"""KEYS: `recommendations:<user>`. ARGV, both JSON: the distinct lists, whose items are strings; for
each user the list's index from 1, the time, and the time with which the same list was written
before, -1 where unknown. Then the latest valid time, and the seconds after which the keys expire, 0
for never.

`recommendations:<user>:time` tells which of two lists is newer, and whether a list is still there.
"""

POPULAR = (
    _IS_NEWER
    + """
local known = tonumber(redis.call('GET', KEYS[3]) or '')
local window_end, limit, size = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if is_newer(known, tonumber(window_end), limit) then return 0 end
local items, counts = {}, {}
for place = 1, size do
  local item = ARGV[3 + place]
  items[place] = item
  counts[2 * place - 1], counts[2 * place] = item, ARGV[3 + size + place]
end
redis.call('LLEN', KEYS[1])
redis.call('HLEN', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('RPUSH', KEYS[1], unpack(items))
redis.call('HSET', KEYS[2], unpack(counts))
redis.call('SET', KEYS[3], window_end)
local seconds = tonumber(ARGV[#ARGV])
if seconds > 0 then
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, seconds) end
end
return 1
"""
)
"""KEYS: `popular:items`, `popular:counts`, `popular:window_end`. ARGV: the window's end, the latest
valid time, the number of items, the items, their counts, the seconds after which the keys
expire, 0 for never."""

JOB_SETTINGS = """
local known = redis.call('GET', KEYS[1])
local parsed, value = pcall(cjson.decode, known or '')
if parsed and type(value) == 'table' and tonumber(value.run) and
   tonumber(value.run) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
"""KEYS: `job:settings`. ARGV: the run, its settings as JSON. An older run does not replace a newer
one."""

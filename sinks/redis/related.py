"""The keys of related items: the newest list of each item."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from sinks.base import Refusal, Write
from sinks.rows import item_ids, json_items, json_lists
from transforms.messages.related import RelatedItems
from transforms.messages.related_kinds import KINDS

LISTS_PER_CALL = 500
"""Lists of one call of the script. Redis executes nothing else during a call."""

_RELATED = """
local seconds = tonumber(ARGV[#ARGV])
local refused = {}
for place, key in ipairs(KEYS) do
  local known = redis.pcall('GET', key)
  if type(known) == 'table' then
    if not string.find(known.err, 'WRONGTYPE', 1, true) then
      return redis.error_reply(known.err)
    end
    refused[#refused + 1] = place - 1
  else
    local time = known and tonumber(string.match(known, '^%d+'))
    if not (time and time > tonumber(ARGV[2 * place - 1])) then
      redis.call('SET', key, ARGV[2 * place - 1] .. ' ' .. ARGV[2 * place])
      if seconds > 0 then redis.call('EXPIRE', key, seconds) end
    end
  end
end
return refused
"""
"""KEYS: `related:KIND:item`. ARGV: for each key its time, and the items and their counts as
two JSON lists with a tab between them; then the seconds after which the keys expire, 0 for never.
Returns the places of keys of another type."""


def related_writer(client: redis.Redis, retention: int = 0, prefix: str = "") -> Write:
    """The function that writes lists to `related:KIND:item`.

    A value is the list's time, a space, the items as a JSON list, a tab, and their counts as a
    JSON list.

    Args:
        client: a client.
        retention: seconds after which keys expire; 0 for never.
        prefix: what is before the names of the keys.
    """
    script = client.register_script(_RELATED)

    def write(rows: RelatedItems) -> Sequence[Refusal]:
        items = zip(rows.kind.tolist(), item_ids(rows, rows.item), strict=True)
        keys = [f"{prefix}related:{KINDS[kind]}:{item}" for kind, item in items]
        lists = zip(json_items(rows), json_lists(rows.counts, rows.length), strict=True)
        texts = [f"{items}\t{counts}" for items, counts in lists]
        times = rows.time.tolist()
        refused = []
        for start in range(0, len(keys), LISTS_PER_CALL):
            part = slice(start, start + LISTS_PER_CALL)
            given = [value for pair in zip(times[part], texts[part], strict=True) for value in pair]
            for place in script(keys=keys[part], args=[*given, retention]):
                at = start + int(place)
                row = {"time": times[at], "items": texts[at]}
                why = "WRONGTYPE: the key holds another kind of value"
                refused.append(Refusal(keys[at], row, why, times[at]))
        return refused

    return write

"""The hash of the catalogue's items: the newest row of each, for the API."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from sinks.base import Refusal, Write
from transforms.messages.catalogue_items import CatalogueItems

ITEMS_PER_CALL = 1_000
"""Items of one call of the script. Redis executes nothing else during a call."""

_ITEMS = """
for place = 1, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[1], ARGV[place])
  local updated = known and tonumber(string.match(known, '^%d+'))
  if not (updated and updated > tonumber(ARGV[place + 1])) then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1] .. ' ' .. ARGV[place + 2])
  end
end
"""
"""KEYS: `items`. ARGV: for each item its id, the time of its row, and 1 or 0 for whether it is
available, a space, and its details as JSON."""


def items_writer(client: redis.Redis, prefix: str = "") -> Write:
    """The function that writes items to the hash `items`.

    A field is the item's id. Its value is the time of the row, 1 where the item is available or
    else 0, and a JSON object with what is known of it, with spaces between them.

    Args:
        client: a client.
        prefix: what is before the name of the key.
    """
    script = client.register_script(_ITEMS)
    key = f"{prefix}items"

    def write(rows: CatalogueItems) -> Sequence[Refusal]:
        columns = list(zip(rows.items, rows.updated, rows.available, rows.details, strict=True))
        for start in range(0, len(columns), ITEMS_PER_CALL):
            given: list[str | int] = []
            for item, updated, available, details in columns[start : start + ITEMS_PER_CALL]:
                given += (item, updated, f"{int(available)} {details}")
            script(keys=(key,), args=given)
        return []

    return write

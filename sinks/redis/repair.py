"""Removes keys of the future from Redis, and keys whose time is missing or no number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import redis

from sinks.redis.ids import kinds_of
from sinks.redis.rows import EVENT_WIDTH, TEXT_EVENT_WIDTH, TIME_WIDTH
from transforms.messages.id_kinds import INTEGERS, TEXT

KEYS_PER_CALL = 1_000

_POPULAR = ("popular:items", "popular:counts", "popular:window_end")
_LISTS, _HISTORIES = "recommendations:", "history:"
_RELATED = "related:"
_TIME, _EVENTS = b":time", b":events"

_DROP = """
local time = redis.pcall('GET', KEYS[2])
local number = type(time) == 'string' and tonumber(time) or nil
if number and number <= tonumber(ARGV[1]) then return 0 end
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then return 0 end
if ARGV[2] ~= '1' then redis.call('DEL', KEYS[1], KEYS[2]) end
return 1
"""
"""KEYS: `recommendations:<user>`, `recommendations:<user>:time`. ARGV: the latest valid time, 1 to
change nothing."""

_TRIM = """
local width, limit, dry = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local removed = 0
for place = 1, #KEYS, 2 do
  local list, beside = KEYS[place], KEYS[place + 1]
  local known = redis.call('TYPE', beside).ok == 'string' and redis.call('GET', beside) or ''
  local ahead = 0
  while string.sub(known, ahead * width + 1, ahead * width + #limit) > limit do
    ahead = ahead + 1
  end
  if ahead > 0 then
    removed = removed + 1
    local is_list = redis.call('TYPE', list).ok == 'list'
    if not dry and is_list and redis.call('LLEN', list) == #known / width then
      redis.call('LTRIM', list, ahead, -1)
      known = string.sub(known, ahead * width + 1)
      if known == '' then redis.call('DEL', beside) else redis.call('SET', beside, known) end
    elseif not dry then
      redis.call('DEL', list, beside)
    end
  end
end
return removed
"""
"""KEYS: pairs of `history:<user>` and `history:<user>:events`. ARGV: the width of a sort key, the
latest valid time as in a sort key, 1 to change nothing."""


def remove_future(
    client: redis.Redis, latest: int, dry_run: bool, prefix: str = ""
) -> dict[str, int]:
    """Removes what has a time after `latest`; returns how many keys by their kind.

    A history loses its events of the future. A list of recommendations without a valid time is
    removed: nothing says when it was made.

    Args:
        client: a client.
        latest: seconds since the epoch.
        dry_run: count, and change nothing.
        prefix: what is before the names of the keys.
    """
    return {
        "popular": _remove_popular(client, latest, dry_run, prefix),
        "recommendations": _remove_lists(client, latest, dry_run, prefix),
        "related": _remove_related(client, latest, dry_run, prefix),
        "history": _trim_histories(client, latest, dry_run, prefix),
    }


def _remove_popular(client: redis.Redis, latest: int, dry_run: bool, prefix: str) -> int:
    keys = [f"{prefix}{key}" for key in _POPULAR]
    if not client.exists(*keys) or _is_valid(client.mget(keys[-1])[0], latest):
        return 0
    if not dry_run:
        client.delete(*keys)
    return 1


def _remove_lists(client: redis.Redis, latest: int, dry_run: bool, prefix: str) -> int:
    drop = client.register_script(_DROP)
    removed = 0
    for keys in _scan(client, prefix + _LISTS):
        # A list is counted with its time, or alone where it has none.
        times = [key for key in keys if key.endswith(_TIME)]
        lists = [key for key in keys if not key.endswith(_TIME)]
        alone = [
            key + _TIME
            for key, has_time in zip(lists, _exist(client, lists), strict=True)
            if not has_time
        ]
        for key in times + alone:
            names = (key.removesuffix(_TIME), key)
            removed += int(drop(keys=names, args=(latest, int(dry_run))))
    return removed


def _remove_related(client: redis.Redis, latest: int, dry_run: bool, prefix: str) -> int:
    found = set()
    for keys in _scan(client, prefix + _RELATED):
        # A value begins with its list's time; a key of another type is none of a job's.
        with client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.get(key)
            values = pipe.execute(raise_on_error=False)
        ends = [value.partition(b" ")[0] if isinstance(value, bytes) else b"0" for value in values]
        found |= {key for key, end in zip(keys, ends, strict=True) if not _is_valid(end, latest)}
    if found and not dry_run:
        client.delete(*found)
    return len(found)


def _exist(client: redis.Redis, lists: list[bytes]) -> list[int]:
    with client.pipeline(transaction=False) as pipe:
        for key in lists:
            pipe.exists(key + _TIME)
        found: list[int] = pipe.execute()
    return found


def _trim_histories(client: redis.Redis, latest: int, dry_run: bool, prefix: str) -> int:
    trim = client.register_script(_TRIM)
    limit = f"{latest:0{TIME_WIDTH}d}"
    is_text = (kinds_of(client, prefix) or INTEGERS).item == TEXT
    width = TEXT_EVENT_WIDTH if is_text else EVENT_WIDTH
    removed = 0
    for keys in _scan(client, prefix + _HISTORIES):
        events = [key for key in keys if key.endswith(_EVENTS)]
        pairs = [name for key in events for name in (key.removesuffix(_EVENTS), key)]
        if pairs:
            removed += int(trim(keys=pairs, args=(width, limit, int(dry_run))))
    return removed


def _scan(client: redis.Redis, start: str) -> Iterator[list[bytes]]:
    """The keys that begin with a text, some at a time; a key may come twice."""
    cursor = 0
    while True:
        cursor, keys = client.scan(cursor, match=f"{start}*", count=KEYS_PER_CALL)
        if keys:
            yield [key for key in keys if isinstance(key, bytes)]
        if not cursor:
            return


def _is_valid(time: bytes | str | None, latest: int) -> bool:
    try:
        return time is not None and math.isfinite(float(time)) and float(time) <= latest
    except ValueError:
        return False

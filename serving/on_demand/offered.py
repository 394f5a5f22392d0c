"""Ranked lists of items that may be shown: more are ranked than asked for, and others left out.

A policy's ranking is exact, so that a longer list begins with the shorter one. What is left of a
longer list is therefore what the policy ranks best among the items that may be shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar

from serving.queries.catalogue import Offered
from serving.schemas.inference import RankResponse

V = TypeVar("V")
_MORE = 16
"""Items that are ranked beyond those that are asked for, at first."""
_FACTOR = 8
"""How much longer lists become where too few of their items may be shown."""
MOST_RANKED = 8_192
"""Items of one user's list, at the most."""
_MOST_ITEMS = 1 << 18
"""Items of all lists of a request, at the most."""


async def rank_offered(
    rank: Callable[[int], Awaitable[RankResponse]],
    size: int,
    users: int,
    excluded: Collection[str],
    offered: Callable[[Iterable[object]], Awaitable[Offered]],
) -> RankResponse:
    """Lists of up to `size` items that may be shown.

    Lists are shorter where fewer of the best MOST_RANKED items may be shown, or fewer with many
    users in one request.

    Args:
        rank: ranks lists of a length.
        size: items of a list.
        users: the request's users.
        excluded: items that no list has, as text.
        offered: tells which of some items may be shown.
    """
    most = max(size, min(MOST_RANKED, _MOST_ITEMS // users))
    length = min(most, size + len(excluded) + _MORE)
    while True:
        answer = await rank(length)
        may_show = await offered(item for items in answer.items for item in items)
        kept = [
            [
                place
                for place, item in enumerate(items)
                if str(item) not in excluded and may_show(item)
            ][:size]
            for items in answer.items
        ]
        are_whole = all(
            len(places) == size or len(items) < length
            for places, items in zip(kept, answer.items, strict=True)
        )
        if are_whole or length >= most:
            break
        length = min(most, length * _FACTOR)
    return replace(
        answer,
        items=_at(answer.items, kept),
        propensities=_at(answer.propensities, kept),
    )


def _at(rows: list[list[V]], kept: list[list[int]]) -> list[list[V]]:
    return [[row[place] for place in places] for row, places in zip(rows, kept, strict=True)]

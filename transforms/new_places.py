"""Gives places of the policy's lists to items that the policy's model does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from transforms.messages.events import Bools, Int64s
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.recommendations import explored_places


def with_new_items(lists: RankedLists, explored: int) -> RankedLists:
    """The lists with their new items.

    A list of the policy with r new items keeps its first items; the new ones follow, in the last r
    of its places. Places that were drawn stay the last ones: there the new items stand before them.
    A new item has the propensity 1: the policy chose it, and nothing was drawn. A list without an
    item of the policy gets none.

    Args:
        lists: lists of their final size.
        explored: how many of the last places of a list that explores are drawn.
    """
    new = lists.new
    if new is None or not len(lists):
        return replace(lists, new=None)
    size = lists.items.shape[1]
    count = np.where(lists.length > 0, new.length, 0)
    drawn: Bools = np.any(explored_places(lists.propensities), axis=1)
    tail = np.where(drawn, explored, 0)
    kept = np.minimum(lists.length - tail, size - tail - count)
    column = np.arange(size)
    # Each place of the result is one of the list's own, or of its new items.
    is_new = (column >= kept[:, None]) & (column < (kept + count)[:, None])
    # What is drawn stands behind the new items, and before was the end of the list.
    moved = column + (lists.length - tail - kept - count)[:, None]
    origin = np.clip(np.where(column < kept[:, None], column, moved), 0, size - 1)
    length: Int64s = kept + count + tail
    valid = column < length[:, None]
    place = np.clip(column - kept[:, None], 0, new.items.shape[1] - 1)
    fresh = np.take_along_axis(new.items, place, axis=1)
    items = np.where(is_new, fresh, np.take_along_axis(lists.items, origin, axis=1))
    chance = np.take_along_axis(lists.propensities, origin, axis=1)
    propensities = np.where(is_new, np.float32(1), chance)
    return replace(
        lists,
        items=np.where(valid, items, 0),
        length=length,
        propensities=np.where(valid, propensities, np.float32(0)),
        new=None,
    )

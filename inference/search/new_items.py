"""New items, which a model does not know, scored by the vectors of their categories.

The vector of a category is the mean of the quantized vectors of the items that the model knows and
that the catalogue has in this category, rounded to integers. Its norm is at most that of an item,
so that inner products are exact (`inference.search.quantize`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.models.ids import IdMap
from transforms.messages.availability import Availability, places
from transforms.messages.new_items import NewItems, NewPlaces

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

MOST_SCORED = 1_000
"""Of a time's new items that the model does not know, the newest so many are scored."""

_CELLS = 1 << 20
_SPREAD = 1 << 20
_EXCLUDED = -(1 << 62)


@dataclass(frozen=True, slots=True, eq=False)
class _Categories:
    key: Int64s  # [c], ascending.
    vectors: Floats  # [c, d], whole numbers.


class NewItemSearch:
    """The best new items for queries.

    Args:
        vectors: float32 [m, d], the quantized vectors of the model's items.
        items: the items' ids.
    """

    def __init__(self, vectors: Floats, items: IdMap) -> None:
        self._vectors, self._items = vectors, items
        self._kept: tuple[Int64s, Int64s, _Categories] | None = None
        self._chosen: tuple[NewItems, NewItems, Floats] | None = None

    def best(
        self,
        queries: Floats,
        available: Availability,
        p: int,
        excluded: list[tuple[Int64s, Int64s]],
    ) -> NewPlaces:
        """The new items with the largest inner products of query and category.

        Of one score the one that was created last comes first, then the smaller id (or text).

        Args:
            queries: float32 [n, d], quantized.
            available: what is new at the time.
            p: most items of a row.
            excluded: pairs of int64 [n, e], raw ids of items that the row's list must not have,
                and int64 [n], how many of them are valid.
        """
        found = NewPlaces.empty(len(queries), p)
        if available.new is None or not len(available.new):
            return found
        new, vectors = self._candidates(available, available.new)
        if not len(new):
            return found
        by_id = np.argsort(new.items)
        step = max(1, _CELLS // len(new))
        for start in range(0, len(queries), step):
            rows = slice(start, start + step)
            keys = (queries[rows] @ vectors.T).astype(np.int64) * _SPREAD
            keys -= np.arange(len(new))  # Candidates are in the order of ties.
            for items, length in excluded:
                place = places(new.items[by_id], items[rows])
                valid = np.arange(items.shape[1]) < length[rows, None]
                row, column = np.nonzero((place >= 0) & valid)
                keys[row, by_id[place[row, column]]] = _EXCLUDED
            order = _largest(keys, min(p, len(new)))
            score = np.take_along_axis(keys, order, axis=1)
            usable = score > _EXCLUDED
            found.items[rows, : order.shape[1]] = np.where(usable, new.items[order], 0)
            found.length[rows] = usable.sum(axis=1)
        return found

    def _candidates(self, available: Availability, new: NewItems) -> tuple[NewItems, Floats]:
        """The new items that are scored, and the vectors of their categories."""
        known = self._chosen
        if known is not None and known[0] is new:
            return known[1], known[2]
        categories = self._categories(available.ids, new.categories)
        place = places(categories.key, new.category)
        unknown = self._items.rows(new.items) == self._items.unknown
        rows = np.flatnonzero(unknown & (place >= 0))[:MOST_SCORED]
        chosen = NewItems(new.items[rows], new.category[rows], new.categories, new.names)
        vectors = categories.vectors[place[rows]]
        self._chosen = new, chosen, vectors
        return chosen, vectors

    def _categories(self, ids: Int64s, category: Int64s) -> _Categories:
        known = self._kept
        if known is not None and known[0] is ids and known[1] is category:
            return known[2]
        place = places(ids, self._items.ids)
        of_item = np.where(place >= 0, category[place], 0) if len(ids) else np.zeros_like(place)
        rows = np.flatnonzero(of_item)
        key, number, count = np.unique(of_item[rows], return_inverse=True, return_counts=True)
        sums = np.zeros((len(key), self._vectors.shape[1]))
        np.add.at(sums, number, self._vectors[rows])  # Whole numbers: exact in any order.
        found = _Categories(key, np.rint(sums / count[:, None]).astype(np.float32))
        self._kept = ids, category, found
        return found


def _largest(keys: Int64s, p: int) -> Int64s:
    """The places of the p largest of each row, in descending order; no two are equal."""
    best = np.argpartition(-keys, p - 1, axis=1)[:, :p]
    order = np.argsort(-np.take_along_axis(keys, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)

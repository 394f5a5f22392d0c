"""The names of a batch's users and items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.columns.names import Names

Int64s = npt.NDArray[np.int64]

NAME_COLUMNS = 3
"""Columns of encoded names."""


@dataclass(frozen=True, slots=True, eq=False)
class IdNames:
    """The names of users and of items; None for ids that are integers.

    Attributes:
        user: the names of users.
        item: the names of items.
    """

    user: Names | None = None
    item: Names | None = None

    @staticmethod
    def merged(parts: Iterable[IdNames | None]) -> IdNames | None:
        """The names of all parts; None where no part has any, as with integers.

        Raises:
            IdCollisionError: two texts have one key.
        """
        found = [part for part in parts if part is not None]
        if len(found) < 2:
            return found[0] if found else None
        return IdNames(
            Names.merged(part.user for part in found), Names.merged(part.item for part in found)
        )

    def only(self, users: Sequence[Int64s], items: Sequence[Int64s]) -> IdNames:
        """The names of the ids in some columns of any shapes."""
        return IdNames(
            None if self.user is None else self.user.only(users),
            None if self.item is None else self.item.only(items),
        )

    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """The names as columns: which kinds have names, then those of users and of items."""
        kinds = np.array([self.user is not None, self.item is not None])
        parts = (part.columns() for part in (self.user, self.item) if part is not None)
        return kinds, *(column for part in parts for column in part)

    @staticmethod
    def of_columns(columns: Sequence[npt.NDArray[Any]]) -> IdNames:
        """The names that `columns` gave."""
        kinds, *rest = columns
        user = item = None
        if kinds[0]:
            user, rest = Names.of_columns(*rest[:NAME_COLUMNS]), rest[NAME_COLUMNS:]
        if kinds[1]:
            item = Names.of_columns(*rest[:NAME_COLUMNS])
        return IdNames(user, item)


def item_ranks(names: IdNames | None, items: Int64s) -> Int64s:
    """What items compare by: the places of their texts, or the ids where these are integers.

    Args:
        names: the names of the items.
        items: int64 of any shape.
    """
    if names is None or names.item is None:
        return items
    return names.item.ranks(items)

"""The kinds of a job's ids: integers or text. The module imports neither Beam nor NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INTEGER = "integer"
TEXT = "text"

USER_IDS = "user_ids"
ITEM_IDS = "item_ids"
"""Names of the kinds in a job's settings; a kind that is not there is INTEGER."""


@dataclass(frozen=True, slots=True)
class IdKinds:
    """The kinds of ids.

    Attributes:
        user: INTEGER or TEXT.
        item: INTEGER or TEXT.
    """

    user: str = INTEGER
    item: str = INTEGER

    def __post_init__(self) -> None:
        for kind in (self.user, self.item):
            if kind not in (INTEGER, TEXT):
                raise ValueError(f"ids are '{INTEGER}' or '{TEXT}', not {kind!r}")

    @property
    def any_text(self) -> bool:
        """Whether users or items have ids that are text."""
        return TEXT in (self.user, self.item)

    @staticmethod
    def of_settings(settings: Mapping[str, Any]) -> IdKinds:
        """The kinds in a job's settings.

        Raises:
            ValueError: a kind is unknown.
        """
        return IdKinds(settings.get(USER_IDS, INTEGER), settings.get(ITEM_IDS, INTEGER))

    def settings(self) -> dict[str, str]:
        """The kinds as a job's settings: those that are TEXT."""
        kinds = {USER_IDS: self.user, ITEM_IDS: self.item}
        return {name: kind for name, kind in kinds.items() if kind == TEXT}

    def __str__(self) -> str:
        return f"users are {self.user}, items are {self.item}"


INTEGERS = IdKinds()
"""Users and items that are integers."""

"""Response schemas: popular items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from serving.schemas import Id, Seconds


@dataclass(frozen=True, slots=True)
class PopularItem:
    """An item in the ranking of a window."""

    rank: Annotated[int, Field(description="From 1")]
    item: Id
    count: Annotated[int, Field(description="Events on the item in the window")]
    previous_rank: Annotated[
        int | None, Field(description="Its rank in the previous window; null if it had none")
    ] = None


@dataclass(frozen=True, slots=True)
class PopularWindow:
    """The most popular items of one window."""

    window_end: Seconds
    items: list[PopularItem]


@dataclass(frozen=True, slots=True)
class Popular:
    """The most popular items of one window, with their ranks in the previous window."""

    window_end: Seconds
    previous_window_end: Annotated[
        int | None, Field(description="End of the previous window; null if there is none")
    ]
    items: list[PopularItem]
    store: Annotated[str, Field(description="The store that answered, without its password")]
    newest_window_end: Annotated[
        int | None,
        Field(
            description="End of the newest window, where the input has ended and later windows "
            "than this one have only its last events; else null"
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class PopularWindows:
    """The latest windows, oldest first."""

    windows: list[PopularWindow]
    store: str

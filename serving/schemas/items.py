"""Response schemas: items of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from serving.schemas import Id


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the catalogue."""

    item: Annotated[str, Field(description="The item's id, as text")]
    available: Annotated[bool, Field(description="Whether it is on offer")]
    updated: Annotated[int, Field(description="Time of its newest row, seconds since the epoch")]
    category: str | None = None
    title: str | None = None
    image: Annotated[str | None, Field(description="An address of http or https")] = None
    price: float | None = None
    created: Annotated[int | None, Field(description="Seconds since the epoch")] = None


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item as the page shows it."""

    item: Annotated[str, Field(description="The item's id, as text")]
    title: str | None
    price: float | None
    picture: Annotated[
        str | None,
        Field(description="The item's image, where its host is one of --picture_host; else null"),
    ]


@dataclass(frozen=True, slots=True)
class Items:
    """Items of the catalogue, in the order in which they were asked for."""

    items: list[ShownItem]


By = Literal["similar", "bought", "viewed"]
"""What a list of similar items is made by."""


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """An item that is similar to another one."""

    item: Id
    score: Annotated[
        float,
        Field(
            description="similar: cosine of the two items' embeddings, from -1 to 1; bought and "
            "viewed: users who had to do with both items, summed over the window's slots"
        ),
    ]
    why: Annotated[By, Field(description="What brought it into the list")]
    title: str | None = None
    category: str | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class SimilarItems:
    """The items most similar to an item, best first."""

    item: Id
    by: By
    items: list[SimilarItem]
    policy: Annotated[
        str | None, Field(description="similar: name and version of the model that compared them")
    ] = None
    time: Annotated[
        int | None,
        Field(
            description="bought and viewed: start of the latest --related_gap seconds in which "
            "users had to do with the item and another one; seconds since the epoch, UTC"
        ),
    ] = None
    store: Annotated[
        str | None, Field(description="bought and viewed: the store that answered")
    ] = None

"""Request and response schemas: on-demand inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rivulet.limits import RECOMMENDATIONS
from serving.schemas import ID_BYTES

MAX_USERS = 4096
"""Users of one request."""
MAX_ITEMS = 100
"""Items of a recommended list."""
MAX_HISTORY = 1000
"""Items of a history in a request."""
MAX_STATE = 1024
"""Numbers of an embedding in a request."""
MAX_NUMBER = 1e30
"""Largest absolute value in an embedding: its products do not overflow."""

Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Field(min_length=1, max_length=ID_BYTES)]
Id = Integer | Text
"""An id, of the kind that the model was trained on."""
UserIds = Annotated[
    list[Id], Field(min_length=1, max_length=MAX_USERS, description="A user for each row")
]
ListSize = Annotated[
    int, Field(ge=1, le=MAX_ITEMS, description="Items to recommend to each user", alias="n_rec")
]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]


MAX_EXCLUDED = 1000
"""Items that a request may exclude."""
Excluded = Annotated[
    list[Id], Field(max_length=MAX_EXCLUDED, description="Items that no list may have")
]
Category = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=ID_BYTES,
        description="Recommend only items of this category of the job's catalogue (--items)",
    ),
]


class _Input(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=False)

    user: UserIds
    size: ListSize = RECOMMENDATIONS
    exclude: Excluded = []
    category: Category = None


class HistoriesInput(_Input):
    """Users and their histories."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user": [1], "item": [[11, 12, 13, 14, 15, 16, 17, 18, 19, 20]]}]
        }
    )

    item: Annotated[
        list[Annotated[list[Id], Field(max_length=MAX_HISTORY)]],
        Field(
            min_length=1,
            max_length=MAX_USERS,
            description="The items of each user's history, oldest first. As in the job, the last "
            "--history_size items are used",
        ),
    ]
    repeat_consumed: Annotated[
        bool, Field(description="Whether a list may have items of the history")
    ] = False

    @model_validator(mode="after")
    def _one_history_each(self) -> Self:
        if len(self.item) != len(self.user):
            raise ValueError(f"{len(self.user)} users with {len(self.item)} histories")
        return self


class StatesInput(_Input):
    """Users and their states, as the model's encoder computes them."""

    embedding: Annotated[
        list[Annotated[list[Number], Field(max_length=MAX_STATE)]],
        Field(
            min_length=1,
            max_length=MAX_USERS,
            description="A state for each user, of the length state_size of GET /models",
        ),
    ]

    @model_validator(mode="after")
    def _one_state_each(self) -> Self:
        if len(self.embedding) != len(self.user):
            raise ValueError(f"{len(self.user)} users with {len(self.embedding)} embeddings")
        return self


@dataclass(frozen=True, slots=True)
class RankResponse:
    """Ranked lists, in the order of the request's users."""

    user: list[int | str]
    items: Annotated[
        list[list[int | str]], Field(description="Best first; shorter where the policy gives fewer")
    ]
    propensities: list[list[float]]
    policy: Annotated[str, Field(description="Name and version of the model that ranked")]

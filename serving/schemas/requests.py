"""What on-demand inference takes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_USERS = 4096
MOST_ITEMS = 100
HISTORY = 10
"""Items of a history that a policy sees: the last ones."""

Id = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
UserIds = Annotated[
    list[Id], Field(min_length=1, max_length=MOST_USERS, description="A user per row")
]
ListSize = Annotated[
    int, Field(ge=1, le=MOST_ITEMS, description="Items to recommend to each user", alias="n_rec")
]


class _Input(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=False)

    user: UserIds
    size: ListSize = 8


class HistoriesInput(_Input):
    """Users and what each had last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user": [1], "item": [[11, 12, 13, 14, 15, 16, 17, 18, 19, 20]]}]
        }
    )

    item: Annotated[
        list[Annotated[list[Id], Field(max_length=1000)]],
        Field(
            min_length=1,
            max_length=MOST_USERS,
            description="Per user the items of the history, the oldest first, of any length: the "
            f"last {HISTORY} count, and a shorter one is padded",
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
    """Users and the state of each, as the model's encoder makes it."""

    embedding: Annotated[
        list[Annotated[list[float], Field(max_length=1024)]],
        Field(
            min_length=1,
            max_length=MOST_USERS,
            description="Per user a state of the length that GET /models tells (state_size)",
        ),
    ]

    @model_validator(mode="after")
    def _one_state_each(self) -> Self:
        if len(self.embedding) != len(self.user):
            raise ValueError(f"{len(self.user)} users with {len(self.embedding)} embeddings")
        return self

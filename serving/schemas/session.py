"""The request schema of anonymous visits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.schemas.inference import MAX_HISTORY, MAX_ITEMS, Category, Excluded, Id


class SessionInput(BaseModel):
    """The items of an anonymous visit."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        populate_by_name=False,
        json_schema_extra={"examples": [{"item": [11, 12, 13], "fallback": "popular"}]},
    )

    item: Annotated[
        list[Id],
        Field(
            max_length=MAX_HISTORY,
            description="The items of the visit's events, oldest first. As in the job, the last "
            "--history_size of them are used",
        ),
    ]
    size: Annotated[
        int | None,
        Field(ge=1, le=MAX_ITEMS, alias="n_rec", description="Items; by default as the job's"),
    ] = None
    exclude: Excluded = []
    category: Category = None
    fallback: Annotated[
        Literal["popular"] | None,
        Field(description="popular: popular items of earlier windows too complete the list"),
    ] = None

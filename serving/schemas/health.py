"""Response schemas: health, stores and models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

StoreState = Literal["ok", "empty", "absent", "down"]


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Whether a store answers."""

    store: str
    state: Annotated[
        StoreState,
        Field(description="empty: no row yet; absent: no such SQLite file; down: no answer"),
    ]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that ranks on demand."""

    name: Annotated[str, Field(description="Its part of the address: POST /{name}")]
    policy: Annotated[str, Field(description="Name and version, as in recommendations")]
    algorithm: str
    items: int
    state_size: Annotated[int, Field(description="Length of an embedding for POST /{name}/state")]


@dataclass(frozen=True, slots=True)
class Models:
    """The models that rank on demand."""

    models: list[Model]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the stores and the models can be used."""

    status: Annotated[
        Literal["ok", "starting", "degraded", "down"],
        Field(
            description="down: no store answers; starting: models are being loaded; degraded: "
            "some store does not answer, a file is missing, or a model could not be loaded"
        ),
    ]
    stores: Annotated[
        list[StoreHealth], Field(description="Empty without the token, where one is needed")
    ] = field(default_factory=list)
    models: Annotated[list[str], Field(description="Names of the models that rank")] = field(
        default_factory=list
    )
    models_loading: Annotated[int, Field(description="Models that are being loaded")] = 0
    models_failed: Annotated[
        list[str], Field(description="Why models could not be loaded; empty without the token")
    ] = field(default_factory=list)

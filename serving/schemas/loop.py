"""Response schemas: the decisions of `training.loop`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class Arm:
    """A version and its share of the users."""

    version: str
    share: float
    since: Annotated[int, Field(description="First ranking time of this share")]


@dataclass(frozen=True, slots=True)
class Difference:
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on the model in use."""

    time: Annotated[int, Field(description="Event time up to which the log counted; 0: by hand")]
    action: str
    version: Annotated[str, Field(description="The version in use after it")]
    before: str
    candidate: str
    reason: str
    difference: Annotated[
        Difference | None, Field(description="Candidate less the version before, in reward")
    ]


@dataclass(frozen=True, slots=True)
class Decisions:
    """The last decisions, newest first, and the versions in use."""

    present: Annotated[bool, Field(description="Whether there is a file of decisions")]
    arms: list[Arm]
    decisions: list[Decision]

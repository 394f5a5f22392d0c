"""Response schemas: the job, its policies, its activity and its dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class PolicyMinutes:
    """The results of one policy by minute of event time; columns of equal length."""

    policy: str
    minute: list[int]
    recommendations: list[int]
    hits: list[int]
    reward: Annotated[list[float], Field(description="Sum over the recommendations")]


@dataclass(frozen=True, slots=True)
class Policies:
    """The results of each policy over event time."""

    policies: list[PolicyMinutes]
    store: str


@dataclass(frozen=True, slots=True)
class EventMinutes:
    """Distinct events by minute of event time and behavior; columns of equal length.

    Minutes without events are left out.
    """

    minute: list[int]
    pv: list[int]
    cart: list[int]
    fav: list[int]
    buy: list[int]


@dataclass(frozen=True, slots=True)
class Activity:
    """Events over event time, without late ones."""

    minutes: EventMinutes
    store: str


@dataclass(frozen=True, slots=True)
class Job:
    """The counters of the job's latest run.

    They count work as it is done: what is repeated after a crash is counted again.
    """

    started_at: Annotated[float, Field(description="Seconds since the epoch, UTC")]
    updated_at: Annotated[float, Field(description="When a worker last reported")]
    workers: Annotated[int, Field(description="Worker processes")]
    read: Annotated[int, Field(description="Events read")]
    closed: Annotated[int, Field(description="Distinct events in complete panes")]
    duplicates: int
    late: Annotated[int, Field(description="Events after the end of their pane")]
    malformed: Annotated[int, Field(description="Input records that are no events")]
    recommendations: int
    read_to: Annotated[int | None, Field(description="Largest event time read")]
    closed_to: Annotated[int | None, Field(description="End of the last complete pane")]
    store: str
    late_alarms: Annotated[
        int, Field(description="Minutes in which the share of late events exceeded --late_alarm")
    ] = 0
    future: Annotated[
        int, Field(description="Events further ahead of the clock than --max_future")
    ] = 0
    expired: Annotated[
        int, Field(description="Kafka records that were deleted before the job read them")
    ] = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input record that is no event, a late event, or a row that a store refused."""

    source: str
    reason: str
    raw: Annotated[str, Field(description="As it was read; long ones are cut")]
    time: int | float | str | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The end of the file of dead letters, newest first."""

    present: Annotated[bool, Field(description="Whether the file exists")]
    looked_at: Annotated[int, Field(description="How many of its last lines were read")]
    reasons: Annotated[dict[str, int], Field(description="How many of these, by reason")]
    letters: list[DeadLetter]

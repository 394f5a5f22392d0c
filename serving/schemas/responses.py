"""The shapes of the API's answers: what stores give, what is sent, what OpenAPI shows.

Times are whole seconds since the epoch, UTC. Dataclasses, not Pydantic models: they come out
of our own stores, so that they are written straight to JSON without being checked again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

Seconds = Annotated[int, Field(description="Seconds since the epoch, UTC")]
StoreState = Literal["ok", "empty", "absent", "down"]


@dataclass(frozen=True, slots=True)
class PopularItem:
    """A place in the ranking of a window."""

    rank: Annotated[int, Field(description="From 1")]
    item: int
    count: Annotated[int, Field(description="Events on the item in the window")]
    previous_rank: Annotated[
        int | None, Field(description="Its rank in the window before, null if it had none")
    ] = None


@dataclass(frozen=True, slots=True)
class PopularWindow:
    """The most popular items of one window."""

    window_end: Seconds
    items: list[PopularItem]


@dataclass(frozen=True, slots=True)
class Popular:
    """The most popular items of one window, and where each stood in the window before."""

    window_end: Seconds
    previous_window_end: Annotated[
        int | None, Field(description="End of the window compared with, null if there is none")
    ]
    items: list[PopularItem]
    store: Annotated[str, Field(description="The store that answered, without its password")]


@dataclass(frozen=True, slots=True)
class PopularWindows:
    """The latest windows, oldest first."""

    windows: list[PopularWindow]
    store: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a user."""

    item: int
    behavior: Annotated[str | None, Field(description="null where the store keeps none (Redis)")]
    time: Annotated[
        int | None,
        Field(description="Seconds since the epoch, UTC; null where the store keeps none (Redis)"),
    ]


@dataclass(frozen=True, slots=True)
class History:
    """A user's events, newest first."""

    user: int
    events: list[Event]
    next_offset: Annotated[int | None, Field(description="offset of the next page, if any")]
    store: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a user did on a recommended item within the reward window."""

    item: int
    behavior: str
    time: Seconds
    reward: Annotated[float, Field(description="pv 1, cart 2, fav 2, buy 3")]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A list as it was shown."""

    time: Seconds
    items: Annotated[list[int], Field(description="Best first")]
    policy: Annotated[
        str | None, Field(description="Name and version; null where the store keeps none (Redis)")
    ]
    propensities: Annotated[
        list[float] | None, Field(description="Probability with which each item was shown")
    ]
    last_reward: Annotated[
        int | None,
        Field(description="Items of the list before that the user went on to; -1: none before"),
    ]
    outcomes: Annotated[
        list[Outcome] | None,
        Field(description="What came of it, if asked for and a store has the user's events"),
    ] = None


@dataclass(frozen=True, slots=True)
class Recommendations:
    """A user's recommendations, newest first."""

    user: int
    recommendations: list[Recommendation]
    next_offset: Annotated[int | None, Field(description="offset of the next page, if any")]
    store: str


@dataclass(frozen=True, slots=True)
class Users:
    """Users who got a recommendation lately."""

    users: list[int]
    store: str


@dataclass(frozen=True, slots=True)
class PolicyMinutes:
    """How one policy did, minute by minute of event time; equally long columns."""

    policy: str
    minute: list[int]
    recommendations: list[int]
    hits: list[int]
    reward: Annotated[list[float], Field(description="Sum over the recommendations")]


@dataclass(frozen=True, slots=True)
class Policies:
    """How each policy did over event time."""

    policies: list[PolicyMinutes]
    store: str


@dataclass(frozen=True, slots=True)
class EventMinutes:
    """Different events in each minute of event time that had any, by behavior; equal lengths."""

    minute: list[int]
    pv: list[int]
    cart: list[int]
    fav: list[int]
    buy: list[int]


@dataclass(frozen=True, slots=True)
class Activity:
    """How many events the minutes of event time had; late ones are not in it."""

    minutes: EventMinutes
    store: str


@dataclass(frozen=True, slots=True)
class Job:
    """What the latest run of the job has done so far.

    By the clock, not by event time: what is done again after a crash counts again.
    """

    started_at: Annotated[float, Field(description="Seconds since the epoch, UTC")]
    updated_at: Annotated[float, Field(description="When a worker last wrote")]
    workers: Annotated[int, Field(description="Worker processes")]
    read: Annotated[int, Field(description="Events read")]
    closed: Annotated[int, Field(description="Different events in closed panes")]
    duplicates: int
    late: int
    malformed: int
    recommendations: int
    read_to: Annotated[int | None, Field(description="Largest event time read")]
    closed_to: Annotated[
        int | None, Field(description="End of the last closed pane: the watermark is there")
    ]
    store: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input that went no further, or a late event."""

    source: str
    reason: str
    raw: Annotated[str, Field(description="As it came; long ones are cut")]
    time: int | float | str | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The end of the dead letters' file, newest first."""

    present: Annotated[bool, Field(description="Whether the file is there")]
    looked_at: Annotated[int, Field(description="How many of its last lines were read")]
    reasons: Annotated[dict[str, int], Field(description="How many of these, by reason")]
    letters: list[DeadLetter]


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

    name: Annotated[str, Field(description="Its place in the address: POST /{name}")]
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
    """Whether what stands behind the API answers."""

    status: Annotated[
        Literal["ok", "degraded", "down"],
        Field(description="down: no store answers; degraded: some do not, or a file is missing"),
    ]
    stores: Annotated[
        list[StoreHealth], Field(description="Empty without the token, where one is needed")
    ] = field(default_factory=list)
    models: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Lists of items, in the order of the request's users."""

    user: list[int]
    items: Annotated[
        list[list[int]], Field(description="Best first; shorter where the policy gives fewer")
    ]
    propensities: list[list[float]]
    policy: Annotated[str, Field(description="Name and version of the model that ranked")]

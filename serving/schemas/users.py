"""Response schemas: users, their events and their recommendations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from serving.schemas import Id, NextOffset, Seconds


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a user."""

    item: Id
    behavior: Annotated[str | None, Field(description="null where the store has none (Redis)")]
    time: Annotated[
        int | None,
        Field(description="Seconds since the epoch, UTC; null where the store has none (Redis)"),
    ]


@dataclass(frozen=True, slots=True)
class History:
    """A user's events, newest first."""

    user: Id
    events: list[Event]
    next_offset: NextOffset
    store: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A user's event on a recommended item within the reward window."""

    item: Id
    behavior: str
    time: Seconds
    reward: Annotated[float, Field(description="pv 1, cart 2, fav 2, buy 3")]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended list."""

    time: Seconds
    items: Annotated[list[Id], Field(description="Best first")]
    policy: Annotated[
        str | None, Field(description="Name and version; null where the store has none (Redis)")
    ]
    propensities: Annotated[
        list[float] | None,
        Field(description="Probability with which each item was in the list"),
    ]
    last_reward: Annotated[
        int | None,
        Field(
            description="Items of the user's previous list with an event since; -1 if there was "
            "no previous list"
        ),
    ]
    outcomes: Annotated[
        list[Outcome] | None,
        Field(
            description="The best rewarded event on each item within the reward window; null if "
            "not asked for, or unknown"
        ),
    ] = None
    why: Annotated[
        list[Literal["list", "policy", "popular"]] | None,
        Field(
            description="Of a list by request, where each item comes from: the stored list, the "
            "policy that ranked now, or the popular items; else null"
        ),
    ] = None
    fallback: Annotated[
        bool | None,
        Field(
            description="Of a list by request, whether popular items alone stand in for a list "
            "that the user has not, or of which nothing may be shown; else null"
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Recommendations:
    """A user's recommendations, newest first."""

    user: Id
    recommendations: list[Recommendation]
    next_offset: NextOffset
    store: str
    reward_window: Annotated[
        int | None,
        Field(
            description="Seconds after a list in which events count as outcomes: the job's "
            "--reward_window; null if outcomes were not asked for, or no store has the job's "
            "settings, so that outcomes are unknown"
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Users:
    """Users with a recent recommendation."""

    users: list[Id]
    store: str

"""From frames to the rows of the SQL tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from sinks import schema
from sinks.rows import behavior_names, json_lists, policy_names
from transforms.events import EventBatch
from transforms.frames import Frame
from transforms.popular import PopularRows
from transforms.recommendations import PolicyMinutes, Recommendations

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Target:
    """Where frames of a type go.

    Attributes:
        table: the table.
        rows: makes rows, in the order of the table's columns, of a frame.
        time: the column that is the row's time.
    """

    table: sa.Table
    rows: Callable[[Any], Rows]
    time: str


def _records(events: EventBatch) -> Rows:
    # In the order of the primary key: neighbours in the bulk are neighbours in the table.
    order = np.lexsort((events.time, events.behavior, events.item, events.user))
    events = events.take(order)
    user, item, time = (column.tolist() for column in (events.user, events.item, events.time))
    return list(zip(user, item, behavior_names(events), time, strict=True))


def _popular(rows: PopularRows) -> Rows:
    return list(zip(*(column.tolist() for column in rows.columns()), strict=True))


def _recommendations(rows: Recommendations) -> Rows:
    return list(
        zip(
            rows.user.tolist(),
            rows.time.tolist(),
            json_lists(rows.items, rows.length),
            policy_names(rows.policy),
            json_lists(rows.propensities, rows.length),
            rows.last_reward.tolist(),
            strict=True,
        )
    )


def _minutes(rows: PolicyMinutes) -> Rows:
    policy, *numbers = rows.columns()
    return list(zip(policy_names(policy), *(n.tolist() for n in numbers), strict=True))


TARGETS: dict[type[Frame], Target] = {
    EventBatch: Target(schema.RECORD, _records, "time"),
    PopularRows: Target(schema.TOP, _popular, "window_end"),
    Recommendations: Target(schema.RECOMMENDATION, _recommendations, "time"),
    PolicyMinutes: Target(schema.POLICY_MINUTE, _minutes, "minute"),
}
"""The table of each type of frame."""

"""From frames to the rows of the SQL tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from sinks.rows import behavior_names, item_ids, json_items, json_lists, policy_names, user_ids
from sinks.sql import schema
from transforms.columns.event_details import EventDetails
from transforms.columns.frames import Frame
from transforms.columns.packing import order
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import INTEGERS
from transforms.messages.minutes import EventMinutes, PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.record_fields import NO_FIELDS, RecordFields
from transforms.messages.related import RelatedItems
from transforms.messages.related_kinds import KINDS

Rows = list[tuple[Any, ...]]
Lists = Sequence[list[Any]]


@dataclass(frozen=True)
class Target:
    """The table for frames of a type.

    Attributes:
        table: the table.
        columns: from a frame to lists of Python values, one list for each column of the table.
        time: name of the column that is the row's time, in seconds since the epoch.
    """

    table: sa.Table
    columns: Callable[[Any], Lists]
    time: str

    def rows(self, frame: Frame) -> Rows:
        """The frame's rows, in the order of the table's columns."""
        return list(zip(*self.columns(frame), strict=True))


def _records(events: EventBatch) -> Lists:
    # In the order of the primary key, so that a batch changes few pages of the table.
    events = events.take(order(events.user, events.item, events.behavior, events.time))
    user, item = user_ids(events, events.user), item_ids(events, events.item)
    return user, item, behavior_names(events), events.time.tolist()


def _popular(rows: PopularRows) -> Lists:
    numbers = rows.window_end.tolist(), rows.rank.tolist()
    return *numbers, item_ids(rows, rows.item), rows.count.tolist()


def _related(rows: RelatedItems) -> Lists:
    return (
        [KINDS[code] for code in rows.kind.tolist()],
        item_ids(rows, rows.item),
        rows.time.tolist(),
        json_items(rows),
        json_lists(rows.counts, rows.length),
    )


def _recommendations(rows: Recommendations) -> Lists:
    return (
        user_ids(rows, rows.user),
        rows.time.tolist(),
        json_items(rows),
        policy_names(rows.policy),
        json_lists(rows.propensities, rows.length),
        rows.last_reward.tolist(),
    )


def _minutes(rows: PolicyMinutes) -> Lists:
    policy, *numbers = rows.columns()
    return policy_names(policy), *(n.tolist() for n in numbers)


def _event_minutes(rows: EventMinutes) -> Lists:
    return rows.minute.tolist(), *rows.events.T.tolist()


TARGETS: dict[type[Frame], Target] = {
    EventBatch: Target(schema.RECORD, _records, "time"),
    PopularRows: Target(schema.TOP, _popular, "window_end"),
    RelatedItems: Target(schema.RELATED, _related, "time"),
    Recommendations: Target(schema.RECOMMENDATION, _recommendations, "time"),
    PolicyMinutes: Target(schema.POLICY_MINUTE, _minutes, "minute"),
    EventMinutes: Target(schema.EVENT_MINUTE, _event_minutes, "minute"),
}
"""The table for each type of frame."""


def target_for(message_type: type[Any], fields: RecordFields) -> Target | None:
    """The table for messages of a type, where records have further fields; None for no table."""
    target = TARGETS.get(message_type)
    if target is None or message_type is not EventBatch or fields == NO_FIELDS:
        return target
    table = schema.tables_for(INTEGERS, fields).tables[schema.RECORD.name]

    def columns(events: EventBatch) -> Lists:
        details = events.details or EventDetails.none(len(events))
        key = (events.user, events.item, events.behavior, events.time, details.event_id)
        rows = order(*key)
        events, details = events.plain().take(rows), details.take(rows)
        found = [user_ids(events, events.user), item_ids(events, events.item)]
        found += [behavior_names(events), events.time.tolist()]
        if fields.event_id:
            found.append(details.event_id.tolist())
        if fields.value:
            found.append([None if value != value else value for value in details.value.tolist()])
        return found

    return Target(table, columns, target.time)

"""From frames to documents of MongoDB (spec section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sinks.rows import behavior_names, item_ids, lists, policy_names, user_ids
from transforms.columns.event_details import EventDetails
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.record_fields import RecordFields

Document = dict[str, Any]


def records(events: EventBatch) -> list[Document]:
    """A document per event. Its `_id` is made of the event, so that each event has one document.

    A user's id that is text may have colons: its length stands before it.
    """
    user_is_text = events.names is not None and events.names.user is not None
    return [
        {
            "_id": f"{f'{len(user)}:' if user_is_text else ''}{user}:{time}:{item}:{behavior}",
            "user": user,
            "item": item,
            "behavior": behavior,
            "time": time,
        }
        for user, item, behavior, time in zip(
            user_ids(events, events.user),
            item_ids(events, events.item),
            behavior_names(events),
            events.time.tolist(),
            strict=True,
        )
    ]


def detailed_records(events: EventBatch, fields: RecordFields) -> list[Document]:
    """The same for records with further fields; an id of an event's own is part of `_id`."""
    details = events.details or EventDetails.none(len(events))
    found = records(events)
    for document, event_id, value in zip(
        found, details.event_id.tolist(), details.value.tolist(), strict=True
    ):
        if fields.event_id:
            document["_id"] += f":{event_id}"
            document["event_id"] = event_id
        if fields.value:
            document["value"] = None if value != value else value
    return found


def rankings(rows: PopularRows) -> list[Document]:
    """A document per window."""
    rows = rows.take(np.lexsort((rows.rank, rows.window_end)))
    starts = run_starts(rows.window_end)
    places = [
        {"item": item, "count": count}
        for item, count in zip(item_ids(rows, rows.item), rows.count.tolist(), strict=True)
    ]
    ends = np.append(starts[1:], len(rows)).tolist()
    return [
        {"_id": window_end, "items": places[start:end]}
        for window_end, start, end in zip(
            rows.window_end[starts].tolist(), starts.tolist(), ends, strict=True
        )
    ]


def results(rows: Recommendations) -> list[Document]:
    """A document per recommendation."""
    return [
        {
            "user": user,
            "time": time,
            "itemRec": items,
            "policy": policy,
            "propensities": propensities,
            "lastReward": last_reward,
        }
        for user, time, (items, propensities), policy, last_reward in zip(
            user_ids(rows, rows.user),
            rows.time.tolist(),
            lists(rows),
            policy_names(rows.policy),
            rows.last_reward.tolist(),
            strict=True,
        )
    ]

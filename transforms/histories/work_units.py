"""Cuts the ranking requests of a step into work units, which bound the memory of later steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from transforms.columns.id_names import IdNames
from transforms.histories.bought import Purchases
from transforms.histories.rankings import Rankings
from transforms.histories.update import DueRows
from transforms.messages.events import EventBatch
from transforms.messages.ranking import LAST_USER, RankingRequest, WorkUnit
from transforms.messages.tombstones import FIRST_USER, NO_TOMBSTONES, Tombstones

WORK_UNIT_ROWS = 16_384
"""Approximate number of rows of a work unit: its columns fit in a processor's cache."""


def work_units_of(
    rows: DueRows,
    events: EventBatch,
    rankings: Rankings,
    minimum: int,
    sequence: int,
    complete_until: int,
    purchases: Purchases | None = None,
    tombstones: Tombstones = NO_TOMBSTONES,
) -> Iterator[RankingRequest]:
    """Cuts a step's rows and events by user, into at least one request.

    Args:
        rows: the users and ranking times, by (user, time).
        events: what the step applied, by (user, time, item).
        rankings: all rankings that are in use at the rows' ranking times.
        minimum: smallest number of events in a history for which the policy ranks.
        sequence: number of the first unit.
        complete_until: all events before this time have been applied, in seconds since the epoch.
        purchases: what `rows.bought` refers to.
        tombstones: which users the step forgets.
    """
    names = IdNames.merged((rows.states.names, events.names, rankings.names))
    start = event_start = 0
    after = FIRST_USER
    size = len(rows.user)
    while True:
        end, last_user = size, LAST_USER
        if start + WORK_UNIT_ROWS < size:
            last_user = int(rows.user[start + WORK_UNIT_ROWS - 1])
            end = int(np.searchsorted(rows.user, last_user, side="right"))
            last_user = LAST_USER if end == size else last_user
        event_end = int(np.searchsorted(events.user, last_user, side="right"))
        first_state = int(rows.state_index[start]) if size else 0
        end_state = int(rows.state_index[end - 1]) + 1 if size else 0
        states = rows.states.take(slice(first_state, end_state))
        popular_index, popular_items, popular_length = rankings.at(rows.time[start:end])
        unit_events = events.take(slice(event_start, event_end))
        yield RankingRequest(
            user=rows.user[start:end],
            time=rows.time[start:end],
            state_index=rows.state_index[start:end] - first_state,
            states=states,
            ranked=np.flatnonzero(states.length >= minimum),
            popular_index=popular_index,
            popular_items=popular_items,
            popular_length=popular_length,
            unit=WorkUnit(
                sequence,
                complete_until,
                last_user,
                unit_events,
                tombstones.between(after, last_user),
            ),
            names=names,
            exclusions=(
                purchases.exclusions(*rows.bought[first_state:end_state].T) if purchases else None
            ),
        )
        if end == size:
            return
        start, event_start, sequence, after = end, event_end, sequence + 1, last_user

"""The same results with NumPy and Arrow, without Beam, as an upper bound of the speed."""

from __future__ import annotations

import numpy as np
import pyarrow.csv

from inference import packaged_model
from inference.models.choices import parse_models
from inference.models.registry import RegistrySource
from transforms.feedback.open_table import OpenTable
from transforms.fill import fill
from transforms.histories.rankings import Rankings
from transforms.histories.schedule import Schedule
from transforms.histories.table import HistoryTable
from transforms.histories.update import HistoryUpdate
from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.messages.popular import ItemCounts, PopularRows
from transforms.messages.ranking import LAST_USER, RankingRequest, WorkUnit
from transforms.windows.item_counts import top_rows


def read(path: str) -> EventBatch:
    """Reads a file without malformed lines."""
    table = pyarrow.csv.read_csv(path)
    names = table["behavior"].combine_chunks().dictionary_encode()
    codes = np.array([BEHAVIORS.index(name) for name in names.dictionary.to_pylist()], np.int8)
    return EventBatch(
        table["user"].to_numpy(),
        table["item"].to_numpy(),
        codes[names.indices.to_numpy()],
        table["time"].to_numpy(),
    )


def popular(events: EventBatch) -> PopularRows:
    """Rankings of popular items, by panes of 80 s and a running sum of 45 panes."""
    items, place = np.unique(events.item, return_inverse=True)
    pane = events.time // 80
    first, last = int(pane.min()), int(pane.max())
    counts = np.zeros((last - first + 1 + 45, len(items)), np.int64)
    np.add.at(counts, (pane - first, place), 1)
    running = np.zeros(len(items), np.int64)
    rankings = []
    for number in range(last - first + 45):
        running += counts[number]
        if number >= 45:
            running -= counts[number - 45]
        held = np.flatnonzero(running)
        rankings.append(
            top_rows((first + number + 1) * 80, ItemCounts(items[held], running[held]), 17)
        )
    return PopularRows.concat(rankings)


def whole(events: EventBatch) -> int:
    """Rankings, histories, policy, fill and rewards.

    Returns:
        The number of recommendations.
    """
    events = events.ordered()
    rankings = Rankings([popular(events)], 17)
    until = int(events.time.max()) + 100
    rows = HistoryUpdate(HistoryTable.empty(10), events, Schedule(60, 20), -1).due(until)
    chosen, items, length = rankings.at(rows.time)
    ranked = np.flatnonzero(rows.states.length >= 10)
    unit = WorkUnit(0, until, LAST_USER, events)
    request = RankingRequest(
        rows.user, rows.time, rows.state_index, rows.states, ranked, chosen, items, length, unit
    )
    model = RegistrySource(parse_models([str(packaged_model())])).load()
    states = rows.states.take(ranked)
    answer = model.rank(states.user, states.items, states.length, 8)
    shown = fill(request, answer, 8, repeat_consumed=False, keep_history=False)
    table = OpenTable.opened(shown, keep_log=False).apply(events, 600)
    return len(table.previous_rewards())

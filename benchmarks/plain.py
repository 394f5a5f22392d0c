"""The same results with NumPy and Arrow, without Beam, as an upper bound of the speed."""

from __future__ import annotations

import numpy as np
import pyarrow.csv

from inference import packaged_model
from inference.models.choices import parse_models
from inference.models.registry import RegistrySource
from pipelines.graph.models import min_history_of
from pipelines.options import FeedbackSettings, ModelSettings, PopularSettings, RecommendSettings
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


POPULAR, RECOMMEND, FEEDBACK = PopularSettings(), RecommendSettings(), FeedbackSettings()


def popular(events: EventBatch) -> PopularRows:
    """Rankings of popular items, by a pane for each period and a running sum of panes."""
    items, place = np.unique(events.item, return_inverse=True)
    period, panes = POPULAR.popular_period, POPULAR.popular_window // POPULAR.popular_period
    pane = events.time // period
    first, last = int(pane.min()), int(pane.max())
    counts = np.zeros((last - first + 1 + panes, len(items)), np.int64)
    np.add.at(counts, (pane - first, place), 1)
    running = np.zeros(len(items), np.int64)
    rankings = []
    for number in range(last - first + panes):
        running += counts[number]
        if number >= panes:
            running -= counts[number - panes]
        counted = np.flatnonzero(running)
        item_counts = ItemCounts(items[counted], running[counted])
        rankings.append(top_rows((first + number + 1) * period, item_counts, POPULAR.popular_size))
    return PopularRows.concat(rankings)


def whole(events: EventBatch) -> int:
    """Rankings, histories, policy, fill and rewards.

    Returns:
        The number of recommendations.
    """
    events = events.ordered()
    rankings = Rankings([popular(events)], POPULAR.popular_size)
    until = int(events.time.max()) + 100
    table = HistoryTable.empty(RECOMMEND.history_size)
    schedule = Schedule(RECOMMEND.recommend_window, RECOMMEND.recommend_period)
    rows = HistoryUpdate(table, events, schedule, -1).due(until)
    chosen, items, length = rankings.at(rows.time)
    ranked = np.flatnonzero(rows.states.length >= min_history_of(RECOMMEND, ModelSettings()))
    unit = WorkUnit(0, until, LAST_USER, events)
    request = RankingRequest(
        rows.user, rows.time, rows.state_index, rows.states, ranked, chosen, items, length, unit
    )
    model = RegistrySource(parse_models([str(packaged_model())])).load()
    states = rows.states.take(ranked)
    size = RECOMMEND.recommendations
    answer = model.rank(states.user, states.items, states.length, size)
    shown = fill(request, answer, size, repeat_consumed=False, keep_history=False)
    opened = OpenTable.opened(shown, keep_log=False).apply(events, FEEDBACK.reward_window)
    return len(opened.previous_rewards())

"""Ids that are text give the results of integers, renamed: histories, rewards and rankings."""

import pickle
import random
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import rules
from tests.oracle.events import Event
from tests.transforms.batches import batch, ranking
from tests.transforms.renamed import ID_TEXTS, renaming, text_rows, with_texts
from tests.transforms.shard import Shard
from tests.transforms.test_histories_and_feedback import (
    END,
    EVENTS,
    ITEMS,
    POPULAR_SIZE,
    REWARD_WINDOWS,
    SETTINGS,
    TTLS,
    USERS,
    blocks_of,
    shard_for,
)
from transforms.columns.frames import FrameCoder
from transforms.columns.id_names import IdNames
from transforms.columns.names import keys_of
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.windows.item_counts import MergeCappedCounts, MergeCounts, PaneCounts, top_rows
from transforms.windows.popular import ItemCounts

TEXTS = st.lists(ID_TEXTS, min_size=len(ITEMS), max_size=len(ITEMS), unique=True)
MANY_TEXTS = settings(max_examples=60, deadline=None)


def results_of(shard: Shard) -> list[Any]:
    rows = [batch.rows() for batch in shard.recommendations]
    return [text_rows(rows), text_rows(shard.feedback), text_rows(shard.minutes)]


def renamed_ranking(end: int, items: list[tuple[int, int]], names: dict[int, str]) -> PopularRows:
    rows = ranking(end, items)
    found = keys_of(pa.array([names[item] for item in rows.item.tolist()], pa.string()))
    renamed = PopularRows(rows.window_end, rows.rank, found.key, rows.count)
    return renamed.named(IdNames(None, found.names))


@MANY_TEXTS
@given(
    EVENTS, SETTINGS, REWARD_WINDOWS, TTLS, TEXTS, st.booleans(),
    st.lists(st.integers(1, 700), max_size=8), st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_shard_gives_the_same_results_as_with_integers(
    events: list[Event], values: dict[str, Any], reward_window: int, ttl: int, texts: list[str],
    user_is_text: bool, jumps: list[int], shuffle: random.Random,
) -> None:  # fmt: skip
    values = {**values, "min_history": 1_000}  # Popular items alone.
    items, users = renaming(ITEMS, texts), renaming(USERS, texts) if user_is_text else None
    rankings = rules.popular(events, 120, 40, POPULAR_SIZE)
    pane = 5
    plain, text = (
        shard_for(values, pane, reward_window, ttl, shuffle, every_minute=True) for _ in range(2)
    )
    later: list[tuple[int, EventBatch | PopularRows, EventBatch | PopularRows]] = []
    for block in blocks_of(events, pane, set(range(len(events)))):
        frame = batch(block).ordered()
        renamed = with_texts(frame, users, items).ordered()
        later.append(((block[-1].time // pane + 1) * pane, frame, renamed))
    for end, counted in rankings.items():
        later.append((end, ranking(end, counted), renamed_ranking(end, counted, items)))
    watermark = 0
    for jump in [*jumps, END]:
        watermark += jump
        for end, frame, renamed in later:
            if end <= watermark:
                plain.send(frame)
                text.send(renamed)
        later = [entry for entry in later if entry[0] > watermark]
        plain.advance(watermark)
        text.advance(watermark)

    assert results_of(text) == [
        sorted((renamed_row(row, users, items, kind) for row in rows), key=repr)
        for kind, rows in enumerate(results_of(plain))
    ]


def renamed_row(
    row: tuple[Any, ...], users: dict[int, str] | None, items: dict[int, str], kind: int
) -> tuple[Any, ...]:
    """A row of integers with texts: recommendations (0), feedback (1), minutes (2)."""
    if kind == 2:
        return row
    columns = list(row)
    if users is not None:
        columns[0] = users[columns[0]]

    def cut(values: list[int], length: int) -> list[Any]:
        return [items[one] for one in values[:length]] + [0] * (len(values) - length)

    columns[2] = cut(columns[2], columns[3])
    if kind == 1:
        columns[6] = cut(columns[6], columns[7])
    return tuple(columns)


@MANY_TEXTS
@given(
    st.lists(st.dictionaries(st.sampled_from(ITEMS), st.integers(1, 3), max_size=9), min_size=1),
    TEXTS,
    st.integers(1, 6),
)
def test_rankings_break_ties_by_the_smaller_text(
    parts: list[dict[int, int]], texts: list[str], size: int
) -> None:
    names = renaming(ITEMS, texts)
    frames = []
    for part in parts:
        found = keys_of(pa.array([names[item] for item in part], pa.string()))
        counts = np.array(list(part.values()), np.int64)
        frames.append(ItemCounts(found.key, counts).named(IdNames(None, found.names)))
    merge = MergeCounts()
    whole = merge.extract_output(merge.merge_accumulators([[frame] for frame in frames]))
    wanted: dict[str, int] = {}
    for part in parts:
        for item, count in part.items():
            wanted[names[item]] = wanted.get(names[item], 0) + count
    best = sorted(wanted.items(), key=lambda pair: (-pair[1], pair[0].encode()))[:size]
    rows = text_rows([top_rows(80, whole, size)]) if wanted else []
    assert sorted(rows, key=lambda row: row[1]) == [
        (80, rank, text, count) for rank, (text, count) in enumerate(best, 1)
    ]


@MANY_TEXTS
@given(EVENTS, TEXTS, st.booleans(), st.sampled_from([0, 1]))
def test_counts_keep_the_names(
    events: list[Event], texts: list[str], user_is_text: bool, cap: int
) -> None:
    items, users = renaming(ITEMS, texts), renaming(USERS, texts) if user_is_text else None
    block = with_texts(batch(events), users, items).ordered()
    counts = PaneCounts.of(block, 20, cap)
    merge = MergeCappedCounts(1)
    found = (
        merge.extract_output([counts])
        if cap
        else MergeCounts().extract_output(
            [ItemCounts(counts.item, counts.count).named(counts.names)]
        )
    )
    assert {row[0] for row in text_rows([found])} == {items[event.item] for event in events}


@MANY_TEXTS
@given(EVENTS, TEXTS, st.booleans(), st.booleans())
def test_the_coder_keeps_the_names_of_the_rows_that_it_writes(
    events: list[Event], texts: list[str], user_is_text: bool, item_is_text: bool
) -> None:
    items = renaming(ITEMS, texts) if item_is_text else None
    users = renaming(USERS, texts) if user_is_text else None
    block = with_texts(batch(events), users, items)
    half = block.take(slice(len(events) // 2 + 1))
    coder = FrameCoder(EventBatch)
    for found in (coder.decode(coder.encode(half)), pickle.loads(pickle.dumps(half))):  # noqa: S301
        assert text_rows([found]) == text_rows([half])
        if users is not None:
            assert set(found.names.user.text.to_pylist()) == {
                users[event.user] for event in events[: len(half)]
            }


def test_integers_have_the_bytes_that_they_had_without_names() -> None:
    plain = batch([Event(5, 1, 2, "pv")])
    assert plain.names is None
    named = with_texts(plain, {2: "u"}, {1: "i"})
    coder = FrameCoder(EventBatch)
    assert len(coder.encode(plain)) < len(coder.encode(named))
    assert coder.decode(coder.encode(plain)).names is None

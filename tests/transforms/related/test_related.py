"""Related items in streams and files against the oracle."""

import random

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import related
from tests.oracle.events import Event
from tests.oracle.related import Lists
from tests.transforms.batches import batch
from tests.transforms.renamed import with_texts
from transforms.columns.hashing import shard_of
from transforms.columns.names import ids_of
from transforms.messages.events import EventBatch
from transforms.messages.related import RelatedItems
from transforms.messages.related_kinds import KINDS
from transforms.related import pair_counts, related_chunks
from transforms.related.related_chunks import _ByChunk, _RankChunk
from transforms.related.related_items import RankRelated, _Pair, _Split
from transforms.related.rules import RelatedRules

ITEMS = [0, -1, 3, 8, 2**63 - 1, -(2**63)]
EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 600),
        st.sampled_from(ITEMS),
        st.integers(-1, 2),
        st.sampled_from(["pv", "buy", "buy"]),
    ),
    min_size=1,
    max_size=60,
)
SPANS = st.sampled_from([(120, 40, 20), (60, 60, 60), (100, 50, 50), (80, 20, 20)])
RULES = st.builds(
    lambda spans, history, size, items, shards: RelatedRules(*spans, history, size, items, shards),
    SPANS, st.integers(1, 4), st.integers(1, 4), st.sampled_from([2, 100]), st.integers(1, 3),
)  # fmt: skip


def shards_of(rules: RelatedRules) -> dict[int, int]:
    return dict(zip(ITEMS, shard_of(np.array(ITEMS), rules.shards).tolist(), strict=True))


def lists_of(frames: list[RelatedItems], kind: str) -> Lists:
    """The lists of frames; that a list is there twice is an error."""
    found: Lists = {}
    for frame in frames:
        assert set(frame.kind.tolist()) <= {KINDS.index(kind)}
        names = None if frame.names is None else frame.names.item
        for row, (time, item) in enumerate(
            zip(frame.time.tolist(), ids_of(names, frame.item), strict=True)
        ):
            assert (time, item) not in found
            length = int(frame.length[row])
            assert not frame.items[row, length:].any()
            others = ids_of(names, frame.items[row, :length])
            found[time, item] = list(zip(others, frame.counts[row, :length].tolist(), strict=True))
    return found


def blocks_of(events: list[Event], cuts: int) -> list[tuple[int, EventBatch]]:
    """Blocks of distinct events; a user is in one shard."""
    rows = sorted(set(events))
    parts = [
        (shard, [event for event in rows[cut::cuts] if event.user % 2 == shard])
        for cut in range(cuts)
        for shard in range(2)
    ]
    return [(shard, batch(part)) for shard, part in parts if part]


def chunked(blocks: list[tuple[int, EventBatch]], kind: str, rules: RelatedRules) -> Lists:
    """The lists of files, without a runner."""
    slots: dict[tuple[int, int], list[bytes]] = {}
    for block in blocks:
        for key, part in _Split(KINDS.index(kind), rules, True).process(block):
            slots.setdefault(key, []).append(part)
    chunks: dict[tuple[int, int], list[bytes]] = {}
    for group in slots.items():
        for pairs in _Pair(rules, True).process(group):
            for key, encoded in _ByChunk(rules).process(pairs):
                chunks.setdefault(key, []).append(encoded)
    rank = _RankChunk(KINDS.index(kind), rules)
    return lists_of([out.value for group in chunks.items() for out in rank.process(group)], kind)


@settings(max_examples=60, deadline=None)
@given(EVENTS, RULES, st.sampled_from(KINDS), st.integers(1, 4), st.integers(1, 3))
def test_chunks_of_files_are_as_by_hand(
    events: list[Event], rules: RelatedRules, kind: str, cuts: int, kept: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(related_chunks, "CHUNK_WINDOWS", 1 + cuts % 2)
        patch.setattr(related_chunks, "KEPT", kept)
        found = chunked(blocks_of(events, cuts), kind, rules)
    assert found == related.related(events, kind, rules, kept, shards_of(rules))


SOME = [
    Event(time, item, user, "buy") for time, item, user in
    [(5, 0, 1), (9, 3, 1), (15, 8, 1), (25, -1, 1), (24, 0, 2), (26, 3, 2), (26, 8, 2), (61, 0, 2)]
]  # fmt: skip


@pytest.mark.parametrize("bounded", [False, True])
def test_streams_and_files_are_as_by_hand(bounded: bool) -> None:
    rules = RelatedRules(120, 40, 20, 2, 3, 100, 2)
    draw = random.Random(7)
    events = [
        Event(draw.randrange(400), draw.choice(ITEMS), draw.randrange(3), "buy") for _ in range(200)
    ]

    def check(frames: list[RelatedItems]) -> None:
        wanted = related.related(events, "bought", rules, pair_counts.KEPT, shards_of(rules))
        assert lists_of(frames, "bought") == wanted

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        blocks = pipeline | beam.Create(blocks_of(events, 3))
        assert_that(blocks | RankRelated("bought", rules, bounded), check)


def test_items_that_are_text_compare_by_their_texts() -> None:
    rules = RelatedRules(80, 40, 20, 3, 2, 100, 1)
    texts = {0: "b", 3: "B", 8: "a", -1: "é"}
    found = chunked([(0, with_texts(batch(SOME), None, texts))], "viewed", rules)
    # All counts before 40 are one or two; ties are in the order of bytes: B, a, b, é.
    assert found[20, "a"] == [("B", 2), ("b", 2)]
    assert found[20, "é"] == [("B", 1), ("a", 1)]
    assert {item for _, item in found} == set(texts.values())

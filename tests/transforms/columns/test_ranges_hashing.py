"""Ranges, runs and hashes, each against a loop."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns.hashing import mix, shard_of
from transforms.columns.ranges import expand_ranges, run_starts, runs


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 6))))
def test_ranges_expand_to_all_their_positions(ranges: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in ranges], np.int64)
    ends = starts + np.array([length for _, length in ranges], np.int64)
    owner, position = expand_ranges(starts, ends)
    assert list(zip(owner.tolist(), position.tolist(), strict=True)) == [
        (number, start + step)
        for number, (start, length) in enumerate(ranges)
        for step in range(length)
    ]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2))))
def test_a_run_begins_where_any_key_changes(rows: list[tuple[int, int]]) -> None:
    columns = [np.array([row[place] for row in rows], np.int64) for place in (0, 1)]
    wanted = [at for at in range(len(rows)) if not at or rows[at] != rows[at - 1]]
    assert run_starts(*columns).tolist() == wanted


@given(st.lists(st.integers(0, 3)).map(sorted))
def test_runs_are_those_of_itertools(keys: list[int]) -> None:
    found = [(key, keys[rows]) for key, rows in runs(np.array(keys, np.int64))]
    assert found == [(key, list(run)) for key, run in itertools.groupby(keys)]


@given(st.integers(-(2**63), 2**63 - 1))
def test_the_hash_is_splitmix64s_finaliser(identity: int) -> None:
    mask = (1 << 64) - 1
    z = (identity + 0x9E3779B97F4A7C15) & mask
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    z ^= z >> 31
    ids = np.array([identity], np.int64)
    assert mix(ids).tolist() == [z]
    assert shard_of(ids, 7).tolist() == [z % 7]


def test_shards_share_the_users() -> None:
    counts = np.bincount(shard_of(np.arange(16_000), 16))
    assert len(counts) == 16
    assert counts.min() > 850
    assert counts.max() < 1150

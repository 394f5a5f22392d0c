"""What Redis is told of recommendations."""

import json

import numpy as np
import pytest

from sinks.redis import lists as redis_lists
from sinks.redis.lists import LatestLists, WrittenLists
from tests.sinks.frames import recommendations


def lists(latest: LatestLists) -> dict[int, tuple[int, list[int]]]:
    """By user: T and items."""
    texts = [list(map(int, json.loads(text))) for text in latest.lists]
    columns = latest.user.tolist(), latest.time.tolist(), latest.place.tolist()
    return {user: (time, texts[place]) for user, time, place in zip(*columns, strict=True)}


ROWS = [(3, 20, [1, 2]), (1, 20, [2, 1]), (1, 40, []), (2, 20, [1, 2]), (4, 20, [0]), (5, 20, [1])]
LATEST = {1: (40, []), 2: (20, [1, 2]), 3: (20, [1, 2]), 4: (20, [0]), 5: (20, [1])}


def test_each_different_list_is_there_once() -> None:
    latest = LatestLists.of(recommendations(*ROWS))
    assert lists(latest) == LATEST
    assert len(latest.lists) == 4


def test_lists_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_lists, "_hashes", lambda items, _: np.ones(len(items), np.uint64))
    assert lists(LatestLists.of(recommendations(*ROWS))) == LATEST


def test_a_part_of_the_users_is_told_of_its_lists_alone() -> None:
    latest = LatestLists.of(recommendations(*ROWS))
    since = np.array([-1, 0, -1, -1, -1])
    texts, numbers = map(json.loads, latest.arguments(slice(1, 3), since))
    assert texts == [["1", "2"]]
    assert numbers == [1, 20, 0, 1, 20, -1]


def test_what_was_written_is_known_as_far_as_there_is_room() -> None:
    written = WrittenLists(slots=1)
    first = LatestLists.of(recommendations((1, 20, [5])))
    assert written.since(first).tolist() == [-1]
    written.remember(first)
    assert written.since(LatestLists.of(recommendations((1, 40, [5])))).tolist() == [20]
    assert written.since(LatestLists.of(recommendations((1, 40, [6])))).tolist() == [-1]
    written.remember(LatestLists.of(recommendations((2, 40, [5]))))
    assert written.since(first).tolist() == [-1]


def test_an_empty_list_is_never_known() -> None:
    written, none = WrittenLists(), LatestLists.of(recommendations((1, 20, [])))
    written.remember(none)
    assert written.since(none).tolist() == [-1]

"""A file of users to forget that grows while a stream is read, and files that are hostile."""

import os
from pathlib import Path

import numpy as np
import pytest

from sources.errors import SourceError
from sources.forgotten.file import FollowedForgotten, ForgottenFile
from transforms.columns.names import key_of
from transforms.messages.events import TIME_LIMIT
from transforms.shards.keys import shard_keys

START = 1_000
NONE = np.zeros(0, np.int64)
Pairs = list[tuple[int, int]]


class Clock:
    now = START + 5.0

    def __call__(self) -> float:
        return self.now


def view_of(path: Path, clock: Clock, *, text: bool = False, follow: bool = True) -> (
    FollowedForgotten
):  # fmt: skip
    # Times of rows are compared with the real clock.
    return FollowedForgotten(ForgottenFile(str(path), follow, text, 300), clock)


def step(
    view: FollowedForgotten, after: int, until: int, known: np.ndarray = NONE
) -> tuple[Pairs, list[int]]:
    """What a step of the only shard forgets, and how many tombstones are known then."""
    timeline = view.at(until)
    found, known = timeline.applied(after, until, known, shard_keys(1)[0], 1)
    return list(zip(*(column.tolist() for column in found.columns()), strict=True)), known.tolist()


def append(path: Path, text: str, clock: Clock) -> None:
    with path.open("a") as file:
        file.write(text)
    clock.now += 10
    os.utime(path, (clock.now, clock.now))


def test_rows_count_from_their_time_on_and_late_ones_at_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    path.write_text("user,time\n7,100\n8,110\n7,130\n")
    view = view_of(path, clock)
    assert step(view, -1, 120) == ([(7, 100), (8, 110)], [3])
    assert step(view, 120, 130, np.array([3])) == ([(7, 130)], [3])
    # At the time of the step before, events are still to come.
    assert step(view, 130, 140, np.array([3])) == ([(7, 130)], [3])
    assert step(view, 131, 140, np.array([3])) == ([], [3])
    append(path, "9,20\n7,100\n5,START\n".replace("START", str(START)), clock)
    assert step(view, START, START + 10, np.array([3])) == (
        [(5, START), (7, START - 1), (9, START - 1)], [6],
    )  # fmt: skip
    assert step(view, START + 10, START + 20, np.array([6])) == ([], [6])
    # Another worker, which reads all at once, has the same places.
    again = view_of(path, clock)
    assert step(again, START + 10, START + 20, np.array([3])) == (
        [(5, START + 9), (7, START + 9), (9, START + 9)], [6],
    )  # fmt: skip


def test_a_file_that_has_become_shorter_is_another_one(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    path.write_text("user,time\n7,100\n8,110\n")
    view = view_of(path, clock)
    assert step(view, START, START + 1) == ([(7, START - 1), (8, START - 1)], [2])
    path.write_text("user,time\n")
    append(path, "9,120\n", clock)
    assert step(view, START + 10, START + 11, np.array([2])) == ([(9, START + 9)], [3])
    # A job that is resumed with it has known more than there is.
    again = view_of(path, clock)
    assert step(again, START, START + 1, np.array([3])) == ([(9, START - 1)], [1])


def test_a_line_that_has_not_ended_may_still_be_written(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    path.write_text("user,time\n7,100\n42,1")
    view = view_of(path, clock)
    assert step(view, -1, 200) == ([(7, 100)], [1])
    append(path, "20\n4", clock)
    assert step(view, START, START + 10, np.array([1])) == ([(42, START - 1)], [2])
    append(path, "5,130\n", clock)
    assert step(view, START + 10, START + 20, np.array([2])) == ([(45, START + 9)], [3])
    path.write_text("user,time\n7,100\n42,120\n45,130")
    append(path, "", clock)
    assert step(view, START + 20, START + 30, np.array([3])) == ([], [3])
    assert not view.letters.since(0)[0]
    # A batch reads what there is.
    path.write_text("user,time\n7,100\n42,120")
    assert step(view_of(path, clock, follow=False), -1, 200) == ([(7, 100), (42, 120)], [2])


def test_a_date_is_no_time_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "forgotten.csv"
    path.write_text("user,time\n7,20251009\n8,110\n")
    view = view_of(path, Clock())
    assert step(view, -1, START) == ([(8, 110)], [2])
    ((letter,),) = view.letters.since(0)[0]
    assert letter.reason == "time out of range"


def test_a_batch_reads_the_file_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    path.write_text("user,time\n7,100\n")
    view = view_of(path, clock, follow=False)
    append(path, "8,100\n", clock)
    assert step(view, -1, START + 100) == ([(7, 100)], [1])


def test_rows_that_are_wrong_are_dead_letters_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    rows = [
        b"7,100", b"ann,100", b"8", b"", b"8,yesterday", b"8,-5", b"9,%d" % (TIME_LIMIT - 1),
        b'"10",110', b"11,100,shoes", b"\xff\xfe,3", b"12,%d" % TIME_LIMIT, b"1" * 70_000,
    ]  # fmt: skip
    path.write_bytes(b"user,time\n" + b"\n".join(rows) + b"\n")
    view = view_of(path, clock)
    found, known = step(view, -1, START)
    assert found == [(7, 100), (10, 110)]
    assert known == [7]
    parts, position = view.letters.since(0)
    letters = [letter for part in parts for letter in part]
    reasons = [letter.reason for letter in letters]
    assert len(reasons) == 9
    assert "future" in reasons
    assert all(letter.source.startswith(f"{path}:byte ") for letter in letters)
    append(path, "12,yesterday\n13,120\n", clock)
    assert step(view, -1, START + 10)[0] == [(7, 100), (10, 110), (13, 120)]
    more, _ = view.letters.since(position)
    assert [letter.raw for part in more for letter in part] == ["12,yesterday"]


def test_users_may_be_texts_and_rows_json(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.jsonl", Clock()
    path.write_text('{"user": "ann é", "time": 100}\n{"user": 5, "time": 101}\n{"time": 3}\n')
    view = view_of(path, clock, text=True)
    assert sorted(step(view, -1, START)[0]) == sorted([(key_of("ann é"), 100), (key_of("5"), 101)])


@pytest.mark.parametrize("content", ["", "user,time\n"])
def test_a_file_may_be_empty(tmp_path: Path, content: str) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    path.write_text(content)
    view = view_of(path, clock)
    assert step(view, -1, START) == ([], [])
    append(path, "user,time\n1,5\n" if not content else "1,5\n", clock)
    assert step(view, -1, START + 100) == ([(1, 5)], [1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"id,when\n1,2\n", "user"),
        (b"PAR1 no parquet", "broken Parquet file"),
        (b"\x1f\x8b no gzip", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "forgotten.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match="--forget") as refused:
        view_of(path, Clock())
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_version_that_is_broken_changes_nothing(tmp_path: Path) -> None:
    path, clock = tmp_path / "forgotten.csv", Clock()
    path.write_text("user,time\n7,100\n")
    view = view_of(path, clock)
    path.write_text("")
    append(path, "name\nx\n", clock)
    assert step(view, -1, START + 10) == ([(7, 100)], [1])
    path.write_text("")
    append(path, "user,time\n7,100\n8,90\n", clock)
    assert step(view, -1, START + 20) == ([(7, 100), (8, 90)], [2])

"""Files that are not what they should be: bombs, endless lines, pipes, clocks, other formats."""

import gzip
import os
import resource
import sqlite3
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import record
from sources.catalogue.follow_file import FileCatalogue, FollowedFile
from sources.errors import SourceError
from sources.files import parquet_pages
from sources.files.blocks import BLOCK_BYTES, MAX_LINE
from sources.files.plan import plan
from sources.files.ranges import FileLimits, ReadBlock, read_range
from transforms.messages.dead_letters import DeadLetter

pytestmark = pytest.mark.hostile

HEADER = b"user,item,time\n"
MEGABYTE = 1 << 20
SIZES = [64, pytest.param(1024, marks=pytest.mark.long)]


def read(path: Path, limits: FileLimits | None = None, range_bytes: int = 64 << 20) -> list:
    found: list[ReadBlock] = []
    for piece in plan(str(path), None, range_bytes):
        found += read_range(piece, limits or FileLimits())
    return found


def letters(blocks: list[ReadBlock]) -> list[DeadLetter]:
    return [letter for block in blocks for letter in block.letters]


def users(blocks: list[ReadBlock]) -> list[int]:
    return np.concatenate([block.events.user for block in blocks]).tolist()


@pytest.fixture
def peak() -> Iterator[list[int]]:
    """The bytes that were held at most, once the test is over with `tracemalloc`."""
    tracemalloc.start()
    yield []
    tracemalloc.stop()


@pytest.mark.parametrize("megabytes", SIZES)
@pytest.mark.usefixtures("peak")
def test_a_gzip_bomb_in_one_line_takes_some_blocks_of_memory(
    tmp_path: Path, megabytes: int
) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER + b"1,2,3\n")
        for _ in range(megabytes):
            file.write(bytes(MEGABYTE))
        file.write(b"\n4,5,6\n")
    tracemalloc.reset_peak()
    blocks = read(path)
    assert tracemalloc.get_traced_memory()[1] < 4 * BLOCK_BYTES + 4 * MAX_LINE
    assert users(blocks) == [1, 4]
    (letter,) = letters(blocks)
    assert (letter.source, letter.reason) == (f"{path}:byte 21", "too long")
    assert letter.raw == "\0" * 1024 + f"... [cut: {megabytes * MEGABYTE} bytes]"


@pytest.mark.usefixtures("peak")
def test_an_endless_line_over_several_ranges_takes_some_blocks_of_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "line.csv", 400 * MEGABYTE
    with path.open("wb") as file:
        file.write(HEADER + b"1,2,3\n")
        file.seek(size, os.SEEK_CUR)  # A hole is read as zeros.
        file.write(b"\n4,5,6\n")
    tracemalloc.reset_peak()
    blocks = read(path)
    assert tracemalloc.get_traced_memory()[1] < 4 * BLOCK_BYTES + 4 * MAX_LINE
    assert users(blocks) == [1, 4]
    assert [letter.reason for letter in letters(blocks)] == ["too long"]


def test_a_long_text_that_many_rows_of_parquet_share_stands_in_memory_once(tmp_path: Path) -> None:
    path, rows = tmp_path / "bomb.parquet", 20_000
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * MEGABYTE])
    numbers = pa.array(range(rows))
    table = pa.table({"user": texts, "item": numbers, "time": numbers})
    pq.write_table(table.replace_schema_metadata(None), path, store_schema=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    blocks = read(path)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < 200 * 1024, "kibibytes; as texts they are 20 GB, and their letters too"
    assert [block.malformed.reasons().count("not a number") for block in blocks] == [rows]
    assert '"user": "' + "x" * 1024 + '... [cut]"' in letters(blocks)[7].raw


def plain_texts(path: Path, texts: list[str], **chosen: Any) -> None:
    numbers = pa.array(range(len(texts)))
    table = pa.table({"user": texts, "item": numbers, "time": numbers})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, **chosen)


def test_long_texts_in_plain_pages_of_parquet_are_read_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_pages, "BATCH_BYTES", 8 * MEGABYTE)
    path, rows = tmp_path / "bomb.parquet", 1000
    plain_texts(path, [f"{row}" + "x" * 100_000 for row in range(rows)], write_batch_size=10)
    assert path.stat().st_size < MEGABYTE
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(pool)
    try:
        reasons = [reason for block in read(path) for reason in block.malformed.reasons()]
    finally:
        pa.set_memory_pool(pa.system_memory_pool())
    assert reasons == ["not a number"] * rows
    assert pool.max_memory() < 80 * MEGABYTE, "all at once they are over 200 MB"


def test_a_page_of_parquet_that_is_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_PAGE", 2 * MEGABYTE)
    path = tmp_path / "bomb.parquet"
    plain_texts(path, ["x" * (3 * MEGABYTE)])
    with pytest.raises(SourceError, match=r"column 'user' has a page of 3\d{6} bytes"):
        read(path)


def test_a_header_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv"
    with path.open("wb") as file:
        file.truncate(64 * MEGABYTE)
    with pytest.raises(SourceError, match=r"first line.*longer than"):
        plan(str(path), None)


@pytest.mark.timeout(60)
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SourceError, match="is a pipe, which cannot be read in ranges"):
        plan(str(path), None)
    with pytest.raises(SourceError, match="is a pipe, which cannot be read again"):
        FollowedFile(FileCatalogue(str(path), 0, follow=True))
    with pytest.raises(SourceError, match="is a device"):
        plan("/dev/zero", None)


def test_an_event_from_the_future_is_a_dead_letter(tmp_path: Path) -> None:
    path, now = tmp_path / "clicks.csv", int(time.time())
    lines = [b"1,2,%d" % now, b"3,4,4070908800", b"5,6,%d" % (now + 60), b"x,6,4070908800"]
    path.write_bytes(HEADER + b"\n".join(lines))
    blocks = read(path, FileLimits(max_future=300))
    assert users(blocks) == [1, 5]
    assert [(letter.reason, letter.time) for letter in letters(blocks)] == [
        ("future", 4_070_908_800),
        ("not a number", 4_070_908_800),
    ]


def test_the_summary_counts_events_from_the_future(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clicks.csv").write_bytes(HEADER + b"1,2,3\n1,2,4070908800\n5,6,7\n")
    assert record.main(["--input=clicks.csv"]) == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "lines read 3 events 2 malformed 1 from the future 1" in words
    with sqlite3.connect("rivulet.db") as database:
        assert database.execute("SELECT MAX(time) FROM record").fetchone() == (7,)


def test_ids_and_times_at_the_ends_of_their_ranges_are_events(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    ids = [-(2**63), -1, 0, 2**63 - 1]
    path.write_bytes(HEADER + b"".join(b"%d,%d,0\n" % (value, value) for value in ids))
    blocks = read(path)
    assert users(blocks) == ids
    assert letters(blocks) == []


@pytest.mark.parametrize(
    ("good", "bad", "most", "status"),
    [
        (1, 3, None, 1),
        (2, 2, None, 0),
        (1, 3, "1", 0),
        (9_000, 1_001, "0.1", 1),
        (9_000, 999, "0.1", 0),
    ],
)
def test_malformed_input_ends_the_job_with_its_commonest_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    good: int, bad: int, most: str | None, status: int,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    lines = [b"1,2,%d\n" % n for n in range(good)] + [b"1,2\n"] + [b"x,2,3\n"] * (bad - 1)
    Path("clicks.csv").write_bytes(HEADER + b"".join(lines))
    options = [] if most is None else [f"--max_malformed={most}"]
    assert record.main(["--input=clicks.csv", *options]) == status
    said = capsys.readouterr().err.strip().splitlines()
    if status:
        assert f"{bad:,} of all {good + bad:,} lines are malformed" in said[-1]
        assert "'not a number', for example 'x,2,3' at " in said[-1]


def test_the_first_thousand_lines_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [b"x,2,3\n"] * 501 + [b"1,2,%d\n" % n for n in range(5_000)]
    Path("clicks.csv").write_bytes(HEADER + b"".join(lines))
    assert record.main(["--input=clicks.csv"]) == 1
    assert "501 of the first 1,000 lines are malformed" in capsys.readouterr().err

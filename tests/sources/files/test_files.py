"""Files of every format are found, cut into ranges and read, each line once."""

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import SourceError
from sources.files.blocks import read_blocks
from sources.files.parquet_columns import behavior_column, number_column, shortened
from sources.files.plan import FileRange, plan
from sources.files.ranges import read_range
from sources.parsing.lines import BEHAVIOR_CODES, whole_number
from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch, DeadLetterBatchCoder
from transforms.messages.events import EventBatch

HEADER = b"user,item,category,behavior,time\n"
LINE = b"1,2,3,cart,1511544000\n"


def read(
    pattern: Path | str, columns: list[str] | None = None, range_bytes: int = 1 << 20
) -> tuple[EventBatch, list[DeadLetter]]:
    parts = [got for piece in plan(str(pattern), columns, range_bytes) for got in read_range(piece)]
    letters = [letter for part in parts for letter in part.letters]
    return EventBatch.concat(part.events for part in parts), letters


def rows(events: EventBatch) -> list[tuple[int, ...]]:
    columns = (events.user, events.item, events.behavior, events.time)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "clicks.csv"


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=6).map(lambda b: b.replace(b"\n", b".")), max_size=12),
    st.binary(max_size=4),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_ranges_cover_each_line_once_in_any_size(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    last: bytes,
    range_bytes: int,
    block_bytes: int,
) -> None:
    path = tmp_path_factory.mktemp("ranges") / "f"
    text = b"head\n" + b"".join(line + b"\n" for line in lines) + last.replace(b"\n", b"")
    path.write_bytes(text)
    got = b""
    for start in range(5, len(text), range_bytes):
        piece = FileRange(str(path), "csv", start, min(start + range_bytes, len(text)), None)
        for at, block, _ in read_blocks(piece, block_bytes):
            assert at == 5 + len(got)
            assert at == 5 or text[at - 1 : at] == b"\n"
            got += block
    assert got == text[5:]


@pytest.mark.parametrize(
    "header",
    [
        b"user,item,category,behavior,time",
        b"\xef\xbb\xbfUser_ID,Item_Id,extra,LABEL,TimeStamp\r",
        b'"user","item_id","x, y","label","timestamp"',
    ],
)
def test_headers_and_their_synonyms(csv: Path, header: bytes) -> None:
    csv.write_bytes(header + b"\n" + LINE + b"\n" + LINE.rstrip())
    events, letters = read(csv)
    assert rows(events) == [(1, 2, 1, 1_511_544_000)] * 2
    assert letters == []


def test_no_behavior_column_means_page_views(csv: Path) -> None:
    csv.write_bytes(b"time,user,item\n5,6,7\n")
    assert rows(read(csv)[0]) == [(6, 7, 0, 5)]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("header", [b"", HEADER])
@pytest.mark.parametrize("zipped", [False, True])
def test_named_columns(tmp_path: Path, mark: bytes, header: bytes, zipped: bool) -> None:
    path = tmp_path / "plain"
    text = mark + header + LINE * 3
    path.write_bytes(gzip.compress(text) if zipped else text)
    for range_bytes in (2, 30, 1000):
        columns = ["user", "item", "category", "behavior", "time"]
        events, letters = read(path, columns, range_bytes)
        assert rows(events) == [(1, 2, 1, 1_511_544_000)] * 3
        assert letters == []


def test_a_dead_letter_says_where_the_line_stands(csv: Path) -> None:
    text = HEADER + LINE * 4 + b"oh,2,3,pv,1511544000\n" + LINE
    csv.write_bytes(text)
    zipped = csv.with_suffix(".gz")
    zipped.write_bytes(gzip.compress(text))
    at = text.index(b"oh")
    for path, size in ((csv, 16), (csv, 1000), (zipped, 1000)):
        events, letters = read(path, None, size)
        assert len(events) == 5
        assert letters == [
            DeadLetter(f"{path}:byte {at}", "not a number", "oh,2,3,pv,1511544000", 1_511_544_000)
        ]


def test_letters_survive_their_coder_as_one_line() -> None:
    letter = DeadLetter("a:byte 1", "not UTF-8", 'x\u2028"\n\\xff', None)
    letters = [letter, DeadLetter("b", "not a number", "\ud800", 7)]
    coder = DeadLetterBatchCoder()
    batch = coder.decode(coder.encode(DeadLetterBatch.of(letters)))
    assert list(batch) == [letter, DeadLetter("b", "not a number", "\\ud800", 7)]
    lines = batch.to_json_lines().splitlines()
    assert [DeadLetter.from_json(line) for line in lines] == list(batch)
    assert len(letter.to_json().splitlines()) == 1
    assert json.loads(letter.to_json())["time"] is None


def test_globs_take_each_file_with_its_own_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + LINE)
    (tmp_path / "b.csv").write_bytes(b"time,item,user\n5,6,7\n")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "folder.csv").mkdir()
    assert rows(read(tmp_path / "*.csv")[0]) == [(1, 2, 1, 1_511_544_000), (7, 6, 0, 5)]


def test_gzip_of_several_members(csv: Path) -> None:
    csv.write_bytes(gzip.compress(HEADER + LINE[:3]) + gzip.compress(LINE[3:] + LINE))
    assert len(read(csv)[0]) == 2


def test_a_gzip_cut_short_is_an_error_that_names_it(csv: Path) -> None:
    rng = np.random.default_rng(0)
    text = HEADER + b"".join(b"%d,2,3,pv,5\n" % n for n in rng.integers(0, 10**9, 50_000))
    csv.write_bytes(gzip.compress(text)[:-100_000])
    with pytest.raises(SourceError, match=r"clicks\.csv cannot be read to its end"):
        read(csv)


@pytest.mark.parametrize(
    ("content", "columns", "words"),
    [
        (b"1,2,3,pv,4\n", None, "not a header.*--columns user,item,category,behavior,time"),
        (
            b"user,item,when\n1,2,3\n",
            None,
            r"no column 'time' \(or 'timestamp'\).*user, item, when",
        ),
        (b"\xff\xfeu\x00", None, "not UTF-8"),
        (b"BZh91AY", None, "bzip2"),
        (b"PAR1 broken PAR1", None, "broken Parquet"),
        (b"\x1f\x8bbroken", None, "cannot be read"),
        (LINE, ["user", "item"], "--columns has no column 'time'"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(
    csv: Path, content: bytes, columns: list[str] | None, words: str
) -> None:
    csv.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        plan(str(csv), columns)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    for pattern, words in ((tmp_path / "no*.csv", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(SourceError, match=words):
            plan(str(pattern), None)
    with pytest.raises(SourceError, match="cannot be looked at"):
        plan("nowhere://x", None)


def parquet_table() -> pa.Table:
    return pa.table(
        {
            "extra": pa.array([None] * 6, pa.string()),
            "user_id": pa.array([1, 2, 3, None, 5, 6], pa.uint32()),
            "item": pa.array(["7", " 8", "x", "9", "10", "11"]),
            "label": pa.array(["pv", "buy", "pv", "pv", None, "fav"]).dictionary_encode(),
            "timestamp": pa.array([10, 20, 30, 40, 50, -1], pa.timestamp("s")).cast(
                pa.timestamp("ns")
            ),
        }
    )


@pytest.mark.parametrize("range_bytes", [1, 1 << 20])
def test_parquet(tmp_path: Path, range_bytes: int) -> None:
    path = tmp_path / "clicks.parquet"
    pq.write_table(parquet_table(), path, row_group_size=2)
    assert len(plan(str(path), None, range_bytes)) == (3 if range_bytes == 1 else 1)
    events, letters = read(path, None, range_bytes)
    assert rows(events) == [(1, 7, 0, 10), (2, 8, 3, 20)]
    assert [(x.source.removeprefix(str(path)), x.reason, x.time) for x in letters] == [
        (":row 2", "not a number", 30),
        (":row 3", "not a number", 40),
        (":row 4", "unknown behavior", 50),
        (":row 5", "time out of range", None),
    ]
    assert json.loads(letters[0].raw)["item"] == "x"


@given(
    st.lists(
        st.one_of(st.none(), st.integers(0, 2**64 - 1), st.sampled_from([0.5, 1e300, -2.0])),
        min_size=1,
    )
)
@settings(deadline=None)
def test_parquet_numbers_of_any_type(
    tmp_path_factory: pytest.TempPathFactory, values: list[int | float | None]
) -> None:
    whole = all(value is None or isinstance(value, int) for value in values)
    column = (
        pa.array(values, pa.uint64())
        if whole
        else pa.array([None if value is None else float(value) for value in values], pa.float64())
    )
    path = tmp_path_factory.mktemp("types") / "t.parquet"
    zeros = pa.array([0] * len(values))
    pq.write_table(pa.table({"user": column, "item": zeros, "time": zeros}), path)
    events, letters = read(path)
    limit = 2**63 if whole else 2**53
    wanted = [
        int(value)
        for value in values
        if value is not None and int(value) == value and abs(value) < limit
    ]
    assert events.user.tolist() == wanted
    assert len(letters) == len(values) - len(wanted)
    assert Counter(x.reason for x in letters).keys() <= {"not a number"}


@given(st.lists(st.sampled_from(["1", " 2", "x", "pv", "buy", "", None, "9" * 19]), max_size=9))
@settings(deadline=None)
def test_parquet_texts_are_the_same_as_dictionaries(values: list[str | None]) -> None:
    plain = pa.array(values, pa.string())
    for column in (plain, plain.dictionary_encode(), plain.dictionary_encode("encode")):
        numbers, valid = number_column(column)
        expected = [whole_number(value or "") for value in values]
        assert [n if ok else None for n, ok in zip(numbers, valid, strict=True)] == expected
        names = behavior_column(column).tolist()
        assert names == [BEHAVIOR_CODES.get(value or "", -1) for value in values]
        assert shortened(column, 1).to_pylist() == [
            value if value is None or len(value) <= 1 else f"{value[:1]}... [cut]"
            for value in values
        ]


def test_parquet_of_other_types_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"user": [[1]], "item": [1], "time": [2]}), path)
    with pytest.raises(SourceError, match="'user' is of type list"):
        plan(str(path), None)


def test_times_of_parquet_that_python_has_not_are_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for kind, far in ((pa.timestamp("ms"), 10**18), (pa.timestamp("ms", "No/Zone"), 10**18)):
        times = pa.array([1_760_000_000_000, far], pa.int64()).cast(kind)
        pq.write_table(pa.table({"user": [1, 2], "item": [3, 4], "time": times}), path)
        (piece,) = plan(str(path), None)
        (block,) = read_range(piece)
        assert block.events.user.tolist() == [1]
        (letter,) = block.letters.columns.to_pylist()
        assert json.loads(letter["raw"]) == {"user": 2, "item": 4, "time": far}


def test_two_columns_of_parquet_with_one_name_are_refused(tmp_path: Path) -> None:
    columns = [pa.array([1])] * 4
    table = pa.Table.from_arrays(columns, ["user", "item", "item", "time"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="has two columns 'item': rename one"):
        plan(str(tmp_path / "a.parquet"), None)

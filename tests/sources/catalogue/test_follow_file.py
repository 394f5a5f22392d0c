"""A catalogue file that changes while a stream is read."""

import json
import os
import pickle
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.catalogue.changes import Changes
from sources.catalogue.files import read_items
from sources.catalogue.follow_file import FileCatalogue, FollowedFile
from sources.errors import SourceError
from transforms.columns.names import key_of
from transforms.loaded import loaded

START = 1_000
ITEMS = np.arange(6)


class Clock:
    now = START + 5.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, text: str, modified: int) -> None:
    path.write_text(text)
    os.utime(path, (modified, modified))


def offered(view: FollowedFile, time: int) -> list[int]:
    return ITEMS[view.at(time).of(ITEMS)].tolist()


def test_each_version_counts_from_its_change_on(tmp_path: Path) -> None:
    path, clock = tmp_path / "items.csv", Clock()
    write(path, "item,available\n1,true\n2,false\n3,\n", START - 50)
    view = FollowedFile(FileCatalogue(str(path), START, follow=True), clock)
    assert offered(view, 10) == offered(view, START + 4) == [1, 3]
    write(path, "item,available\n1,no\n2,yes\n5,1\n", START + 100)
    clock.now = START + 120
    assert offered(view, START + 110) == [2, 5]  # 3 is gone.
    assert offered(view, START + 99) == [1, 3]
    # A version that is broken changes nothing, and one that follows is read.
    write(path, "item\nfive\n", START + 150)
    clock.now = START + 200
    assert offered(view, START + 190) == [2, 5]
    write(path, "item,updated\n4,1500\n5,\n", START + 300)
    clock.now = START + 900
    assert offered(view, START + 299) == [2, 5]
    assert offered(view, START + 499) == [5]
    assert offered(view, START + 500) == [4, 5]


def test_a_batch_reads_the_file_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "items.csv", Clock()
    write(path, "item\n1\n", START - 50)
    view = FollowedFile(FileCatalogue(str(path), START, follow=False), clock)
    write(path, "item\n2\n", START + 100)
    clock.now = START + 500
    assert offered(view, START + 400) == [1]


def test_rows_that_are_wrong_are_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    rows = [
        b"1,true,5,1600000000,shoes",
        b"2,maybe,5,1600000000,shoes",
        b"3,,12.5,1600000000000,shoes",
        b"4,,'12,5',3,shoes",  # Six fields.
        b"5,,5,2020-09-13T12:26:40,sh\xf6es",
        b"6,,-,yesterday,shoes",
        b"7,,5,20251009,sh\xc3\xb6es",
        b",,5,3,shoes",
        *[b"%d,,,," % item for item in range(10, 20)],
    ]
    path.write_bytes(b"\n".join([b"item,available,price,created,category", *rows]))
    found = read_items(str(path))
    assert found.item.tolist() == [1, *range(10, 20)]
    said = [(each.source[len(str(path)) :], each.reason, each.detail) for each in found.letters]
    assert said == [
        (":row 1", "not an availability", "available is 'maybe', neither true, 1, yes, in stock "
         "nor false, 0, no, out of stock"),
        (":row 2", "not a time", "created is '1600000000000'; looks like milliseconds: give "
         "seconds since the epoch"),
        (":row 3", "not UTF-8", "some bytes are not UTF-8"),
        (":row 4", "not a time", "created is 'yesterday', neither seconds since the epoch nor an "
         "ISO time (2026-01-31T12:00:00)"),
        (":row 5", "not a time", "created is '20251009'; looks like a date without separators: "
         "write 2026-01-31"),
        (":row 6", "not a number", "item is missing"),
        ("", "too many fields", "6 fields, not 5"),
    ]  # fmt: skip
    raws = [each.raw for each in found.letters]
    assert raws[-1] == rows[3].decode()
    assert json.loads(raws[2])["category"] == "sh\\xf6es"


def test_a_later_version_repeats_no_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    write(path, "item\n1\nx\n", START - 50)
    changes = Changes(FileCatalogue(str(path), START, follow=True))
    assert [letter.raw for batch in changes.read()[1] for letter in batch] == ['{"item": "x"}']
    write(path, "item\n2\ny\nx\n3\n", START + 100)
    found: list[str] = []
    while not found:  # The file is looked at once a second.
        found = [letter.raw for batch in changes.read()[1] for letter in batch]
    assert found == ['{"item": "y"}']


def test_parquet_of_other_types_and_text_ids(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    table = pa.table(
        {
            "Product_ID": ["a-1", "b/2", "\x00"],
            "available": [True, False, True],
            "price": [1.5, None, 3.0],
            "created": pa.array([1_600_000_000_000, None, 0], pa.timestamp("ms")),
            "category": pa.array(["shoes", "hats", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, path)
    rows = read_items(str(path), text_ids=True)
    assert rows.item.tolist() == [key_of("a-1"), key_of("b/2")]
    assert rows.available.tolist() == [True, False]
    assert rows.malformed == 1
    found = rows.details.to_pydict()
    assert found["category"] == ["shoes", "hats"]
    assert found["created"] == [1_600_000_000, -1]
    assert found["price"][0] == 1.5


def test_quoted_texts_and_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(
        "\ufeffitem,title,price,updated\n"
        '1,"a, ""b""",2,2020-01-01T00:00:00Z\n'
        "2,c,cheap,\n"
        "3,d\n"
        "4,e,5,-1\n"
        "5,f,6,7\n6,g,,\n7,h,1,\n"
    )
    rows = read_items(str(path))
    assert rows.item.tolist() == [1, 5, 6, 7]
    assert rows.malformed == 3
    assert rows.updated.tolist() == [1_577_836_800, 7, -1, -1]
    assert rows.details.column("title").to_pylist() == ['a, "b"', "f", "g", "h"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('item,title\n1,"a\n2,b\n3,c', "opens in line 2 is not closed"),
        ('item,title\n1,"a\n2,b\n3,"c"\n4,d\n', "opens in line 2 is not closed"),
        ('item,title\n1,"a\r\n2,b\r\n3,"\r\n4,d\r\n', "line 2 holds a line .* '2,b'"),
        ('item,title,x\n1,y,"a\n2,b\n3,c,d\n', "opens in line 2 is not closed"),
        ("item,title\n" + '1,"a\n' + "2,b\n" * 700_000, "opens in line 2 is not closed"),
    ],
)
@pytest.mark.hostile
def test_a_quote_that_is_not_closed_hides_no_rows(tmp_path: Path, text: str, line: str) -> None:
    path, clock = tmp_path / "items.csv", Clock()
    write(path, "item,title\n1,a\n2,b\n3,c\n", START - 50)
    view = FollowedFile(FileCatalogue(str(path), START, follow=True), clock)
    write(path, text, START + 100)
    with pytest.raises(SourceError, match=line):
        read_items(str(path))
    clock.now = START + 120
    assert offered(view, START + 110) == [1, 2, 3]


@pytest.mark.hostile
def test_a_file_that_cannot_be_read_leaves_the_version_before(tmp_path: Path) -> None:
    path, clock = tmp_path / "items.csv", Clock()
    write(path, "item\n1\n", START - 50)
    view = FollowedFile(FileCatalogue(str(path), START, follow=True), clock)
    ids = pa.array([1, 2, 3])
    tables = [
        (pa.table({"item": ids, "title": [["a"], ["b"], None]}), "title has the type list"),
        (pa.table({"item": ids, "price": [{"x": 1}] * 3}), "price has the type struct"),
        (pa.table({"item": [[1], [2], [3]]}), "item has the type list"),
        (pa.table([ids, ids], names=["item", "item"]), "two columns 'item'"),
    ]
    contents = [("item,title\n1,a\n".encode("utf-16"), "not UTF-8")]
    for table, said in tables:
        pq.write_table(table, path)
        contents.append((path.read_bytes(), said))
        contents.append((path.read_bytes()[:-9], "cannot be read"))
    for number, (content, said) in enumerate(contents):
        path.write_bytes(content)
        os.utime(path, (START + 100 + number,) * 2)
        with pytest.raises(SourceError, match=said):
            read_items(str(path))
        clock.now = START + 1_000 + 10 * number
        assert offered(view, int(clock.now) - 5) == [1]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(2)])
def test_bytes_that_are_no_text_are_a_dead_letter(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "items.parquet"
    titles = pa.array([b"ab", b"\xff\xfe", None], kind)
    columns = {"item": [1, 2, 3], "title": titles, "category": titles.dictionary_encode()}
    pq.write_table(pa.table(columns), path)
    rows = read_items(str(path))
    assert rows.item.tolist() == [1, 3]
    assert [letter.reason for letter in rows.letters] == ["not UTF-8"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2020-01-01", 1_577_836_800),
        ("2020-01-01T00:00:00+02:00", 1_577_829_600),
        ("2019-12-31T19:00:00.999999-05:00", 1_577_836_800),
        ("2020-01-01 00:00Z", 1_577_836_800),
        ("2020-01-01T00:00:00.123456789", 1_577_836_800),
        ("1970-01-01T00:00:00+00:01", None),
        ("2020-01-01T00:00:00 or so", None),
        ("2021-02-29", None),
    ],
)
def test_times_of_iso_8601_have_their_zones(tmp_path: Path, text: str, seconds: int | None) -> None:
    path = tmp_path / "items.csv"
    path.write_text(f"item,updated,created\n1,{text},{text}\n2,5,7\n")
    rows = read_items(str(path))
    expected = [5] if seconds is None else [seconds, 5]
    assert rows.updated.tolist() == expected
    assert rows.details.column("created").to_pylist()[:-1] == expected[:-1]


def test_prices_of_any_digits_are_read(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    prices = [1.5e-7, 0.1 + 0.2, -5e-324, 999_999_999_999_999.9, 0.0, None, 1e15, float("inf")]
    prices.append(float("nan"))  # A missing number, as Polars writes it.
    pq.write_table(pa.table({"item": range(9), "price": prices}), path)
    rows = read_items(str(path))
    assert rows.details.column("price").to_pylist()[:5] == prices[:5]
    assert rows.item.tolist() == [0, 1, 2, 3, 4, 5, 8]
    assert [letter.reason for letter in rows.letters] == ["not a number"] * 2


def test_a_text_of_several_lines_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(
        b'item,title,size\n\n1,"a, ""b""\n\nc, d",5\n2,5" wide,\n3,e,"6\r\nor 7"\n\n4,f,\n'
    )
    rows = read_items(str(path))
    assert rows.item.tolist() == [1, 2, 3, 4]
    assert rows.details.column("title").to_pylist() == ['a, "b"\n\nc, d', '5" wide', "e", "f"]


def test_a_folder_or_a_glob_of_several_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("item\n1\n")
    with pytest.raises(SourceError, match="names several files"):
        FollowedFile(FileCatalogue(f"{tmp_path}/*.csv", START, follow=True))


def test_what_is_available_is_pickled_as_its_catalogue_and_time(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    rows = [f"{item},{START + item % 50}" for item in range(5_000)]
    path.write_text("\n".join(["item,updated", *rows]))
    source = FileCatalogue(str(path), START, follow=False)
    for seconds in (0, 600):  # Without and with new items.
        view = loaded(replace(source, new_seconds=seconds))
        found = [view.at(START + time) for time in (7, 30)]
        assert len(pickle.dumps(found)) < 1_000
        again = deepcopy(found)  # As pickle does it.
        assert [each is other for each, other in zip(again, found, strict=True)] == [True, True]
        assert found[0].bits.sum() < found[1].bits.sum()

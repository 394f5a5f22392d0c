"""Catalogue files that are refused: their limits, and what is said of their mistakes."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.catalogue import parquet_file, texts
from sources.catalogue.files import read_items
from sources.errors import SourceError
from sources.files import parquet_pages

ROWS = b"".join(b"%d,a title\n" % item for item in range(300))


def refused(path: Path, content: bytes | pa.Table, said: str) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        pq.write_table(content, path)
    with pytest.raises(SourceError, match=said) as error:
        read_items(str(path))
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"--items {path}")
    assert len(line) < 600


@pytest.mark.hostile
def test_what_a_file_unpacks_to_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = tmp_path / "items", b"item,title\n" + ROWS
    path.write_bytes(gzip.compress(whole))
    assert len(read_items(str(path))) == 300
    table = pa.table({"item": range(300), "title": ["a title" * 10] * 300})
    monkeypatch.setattr(texts, "MAX_BYTES", 3_000)
    refused(path, gzip.compress(whole), "unpacks to more than 3,000 bytes")
    refused(path, table, "its texts take more than .* 3,000 in all")
    monkeypatch.setattr(texts, "MAX_BYTES", 4 << 30)
    for module in (texts, parquet_file):
        monkeypatch.setattr(module, "MAX_ROWS", 299)
    refused(path, whole, "more than 299 rows")
    refused(path, table, "more than 299 rows")
    monkeypatch.setattr(parquet_pages, "MAX_PAGE", 60)
    monkeypatch.setattr(parquet_file, "MAX_ROWS", 300)
    refused(path, table, "column 'item' has a page of .* bytes when it is decompressed")


@pytest.mark.hostile
def test_a_long_text_of_many_rows_takes_its_memory_once(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    title, rows = "x" * 500_000, 4_000
    titles = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [title])
    pq.write_table(pa.table({"item": range(rows), "title": titles}), path, store_schema=False)
    before = pa.default_memory_pool().max_memory()
    found = read_items(str(path))
    assert len(found) == rows
    assert set(found.details.column("title").to_pylist()) == {title[:2048]}
    # Of 2 GB.
    assert pa.default_memory_pool().max_memory() - before < 1 << 28


@pytest.mark.parametrize(
    "content",
    [
        b"item,title,title\n1,a,b\n",
        b"item,Title, title \n1,a,b\n",
        pa.table([[1], [2]], names=["item", "item"]),
    ],
)
def test_two_columns_of_one_name_are_refused(tmp_path: Path, content: bytes | pa.Table) -> None:
    refused(tmp_path / "items", content, "two columns '.*': rename one of them")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"item;title;price\n1;a;2\n", r"no column 'item'; .* the delimiter looks like ';'"),
        (b"title\titem\na\t1\n", r"the delimiter looks like '\\t'"),
        (b"item,title\r1,a\r2,b\r", r"carriage return \(CR\) alone: save it with LF"),
        (b"item,title\n1,\xe4\n2,\xf6\n3,a\n", "3 rows are malformed, 2 of them as 'not UTF-8'"
         r".*save the file as UTF-8"),
        (b"item,titel\xe4\n1,a\n", "its first line is not UTF-8: save it as UTF-8"),
        (b"item,title\n", "it has no rows, and an item .* is not available: write all items"),
        (b"item,title\n\n\r\n", "it has no rows"),
        (gzip.compress(b"item", mtime=0), "it has no rows"),
        (pa.table({"item": pa.array([], pa.int64())}), "it has no rows"),
        (b"item,price\n1,a\n2,\"3,5\"\n", "2 of them as 'not a number' .price is 'a'"),
        (b"item,title\n1,b\n2," + b"x" * 4_000_000 + b"\n", "line 3 is longer than 1,048,576"),
        (b'item,title\n1,"b\nc"\n2,' + b"x" * 200_000 + b"\n", "field of line 4 is longer than"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_whole_file_is_named(
    tmp_path: Path, content: bytes | pa.Table, said: str
) -> None:
    refused(tmp_path / "items.csv", content, said)


def test_texts_are_such_as_a_page_may_show(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    images = [
        "javascript:alert(1)", "data:image/png;base64", "/a.png", "https://a.example/b c.png",
        "https://a.example/" + "x" * 3000, "HTTPS://a.example/ä.png?x=1", "http://a.example/b.png",
    ]  # fmt: skip
    rows = [f"{row},a\0b\x1b[1m\u0085c\u00e9,sh\x7foes,{image}" for row, image in enumerate(images)]
    path.write_text("\n".join(["item,title,category,image", *rows, "9,,,"]), encoding="utf-8")
    found = read_items(str(path)).details
    assert found.column("title").to_pylist() == ["ab[1mcé"] * 7 + [None]
    assert found.column("category").to_pylist() == ["shoes"] * 7 + [None]
    assert found.column("image").to_pylist() == [None] * 5 + images[5:] + [None]


def test_a_first_line_that_names_no_columns(tmp_path: Path) -> None:
    for header in (b'item,"title\n1,a\n', b'item,"ti\ntle"\n1,a\n', b"item," + b"x" * (1 << 21)):
        refused(tmp_path / "items", header, "its first line names no columns, .*: close its quotes")

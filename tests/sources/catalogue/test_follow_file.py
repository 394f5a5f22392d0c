"""A catalogue file that changes while a stream is read."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.catalogue.files import read_items
from sources.catalogue.follow_file import FileCatalogue, FollowedFile
from sources.errors import SourceError
from transforms.columns.names import key_of

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


def test_a_folder_or_a_glob_of_several_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("item\n1\n")
    with pytest.raises(SourceError, match="names several files"):
        FollowedFile(FileCatalogue(f"{tmp_path}/*.csv", START, follow=True))

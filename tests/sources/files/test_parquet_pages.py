"""The headers of Parquet's pages, as Arrow and DuckDB write them and as nobody should."""

import io
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.errors import SourceError
from sources.files import parquet_pages
from sources.files.parquet_pages import Page, _pages_of, _read_header, _rows_within, safe_batch_rows

ROWS = 3_000
COLUMNS = ["user", "item", "time", "behavior"]


def table() -> pa.Table:
    numbers = np.arange(ROWS)
    return pa.table(
        {
            "user": numbers,
            "item": [str(number % 700) for number in numbers],
            "time": numbers,
            "behavior": pa.array([("pv", "buy", None)[n % 3] for n in numbers]).dictionary_encode(),
        }
    )


def written(**chosen: Any) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table(), file, **chosen)
    return file


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"use_dictionary": False, "data_page_size": 1000},
        {"row_group_size": 100, "compression": "gzip"},
        {"write_statistics": False, "compression": "none", "write_page_index": True},
    ],
)
def test_the_pages_are_those_that_the_footer_sums_up(chosen: dict[str, Any]) -> None:
    file = written(**chosen)
    metadata = pq.ParquetFile(file).metadata
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            pages = _pages_of(file, "it", column)
            assert sum(page.values for page in pages) == column.num_values
            # The footer counts the headers too.
            size = sum(page.size for page in pages)
            assert size <= column.total_uncompressed_size <= size + 300 * len(pages)


def test_what_duckdb_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "duck.parquet"
    duckdb.sql("SELECT range AS user, range::TEXT AS item FROM range(9000)").write_parquet(
        str(path)
    )
    with path.open("rb") as file:
        metadata = pq.ParquetFile(file).metadata
        assert safe_batch_rows(file, "it", metadata, [0], ["user", "item"]) is None


@given(
    pages=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100)), min_size=1, max_size=30),
)
def test_no_batch_is_on_pages_of_more_than_the_limit(pages: list[tuple[int, int]]) -> None:
    limit = 100
    found = [Page(*page) for page in pages if page[0]] or [Page(1, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_pages, "BATCH_BYTES", limit)
        values, sizes = (np.array(column, np.int64) for column in zip(*found, strict=True))
        rows = _rows_within(values, sizes)
    page_of = [at for at, page in enumerate(found) for _ in range(page.values)]
    for start in range(0, len(page_of), rows or len(page_of)):
        among = set(page_of[start : start + (rows or len(page_of))])
        assert sum(found[at].size for at in among) <= limit


@given(st.binary(max_size=400))
def test_a_header_of_any_bytes_is_an_error_or_fields(data: bytes) -> None:
    try:
        fields, size = _read_header(io.BytesIO(data), 0, "it")
    except SourceError:
        return
    assert size <= len(data)
    assert all(isinstance(number, int) for number in fields)


def test_a_page_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_PAGE", 1000)
    file = written(use_dictionary=False)
    metadata = pq.ParquetFile(file).metadata
    with pytest.raises(SourceError, match=r"it: column 'user' has a page of 24\d{3} bytes"):
        safe_batch_rows(file, "it", metadata, [0], COLUMNS)


def test_bytes_that_are_no_pages_are_refused() -> None:
    file = written()
    metadata = pq.ParquetFile(file).metadata
    broken = io.BytesIO(b"\x00" * len(file.getvalue()))
    with pytest.raises(SourceError, match="the file is broken"):
        safe_batch_rows(broken, "it", metadata, [0], COLUMNS)

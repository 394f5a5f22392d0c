"""A catalogue in a Parquet file."""

from __future__ import annotations

from typing import IO

import pyarrow.parquet as pq

from sources.catalogue.csv_file import FileColumns, parts_of
from sources.catalogue.texts import MAX_ROWS, text_columns_of
from sources.errors import SourceError
from sources.files.parquet_columns import text_columns
from sources.files.parquet_pages import safe_batch_rows

_BATCH_ROWS = 32_768


def read_parquet(path: str, stream: IO[bytes]) -> FileColumns:
    """The columns of an item.

    Args:
        path: the file, for errors.
        stream: its bytes.

    Raises:
        SourceError: it has no column `item`, or is too large when it is decompressed.
        pa.ArrowException: it cannot be read.
    """
    file = pq.ParquetFile(stream)
    parts = parts_of(path, file.schema_arrow.names)
    metadata, names = file.metadata, list(parts.values())
    if metadata.num_rows > MAX_ROWS:
        raise SourceError(f"--items {path}: it has more than {MAX_ROWS:,} rows")
    groups = range(metadata.num_row_groups)
    safe = safe_batch_rows(stream, f"--items {path}", metadata, groups, names)
    if safe is None:
        # A text that many rows share takes its memory once.
        stream.seek(0)
        file = pq.ParquetFile(stream, read_dictionary=text_columns(file.schema_arrow))
    batches = file.iter_batches(min(safe or _BATCH_ROWS, _BATCH_ROWS), columns=names)
    return FileColumns(*text_columns_of(path, batches, parts))

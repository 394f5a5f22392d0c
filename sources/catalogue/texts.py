"""Columns of a catalogue file as texts, some thousand rows at a time, and their limits."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from gzip import GzipFile
from typing import IO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.catalogue.clean import MAX_TEXT
from sources.errors import SourceError
from sources.files.parquet_columns import shortened
from transforms.messages.events import Bools

MAX_BYTES = 4 << 30
"""Largest file, and what it may take when it is unpacked, in bytes."""

MAX_ROWS = 20_000_000
"""Most rows of a file."""

_COLUMN_BYTES = (1 << 31) - 1
"""Most bytes of a column: as many as Arrow's texts have."""


class LimitedGzip(GzipFile):
    """The text of a gzipped file; more than `MAX_BYTES` of it are refused.

    Args:
        path: the file, for the error.
        stream: its bytes.
    """

    def __init__(self, path: str, stream: IO[bytes]) -> None:
        super().__init__(fileobj=cast("io.BufferedReader", stream), mode="rb")
        self._path = path

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes.

        Raises:
            SourceError: the file unpacks to more than the limit.
        """
        return self._checked(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        """The next bytes, at most a buffer of them; errors as `read`."""
        return self._checked(super().read1(size))

    def _checked(self, part: bytes) -> bytes:
        if self.tell() > MAX_BYTES:
            raise SourceError(f"--items {self._path}: it unpacks to more than {MAX_BYTES:,} bytes")
        return part


def text_columns_of(
    path: str, batches: Iterable[pa.RecordBatch], parts: Mapping[str, str]
) -> tuple[dict[str, pa.Array], Bools]:
    """The columns of an item as texts, of which those beyond `MAX_TEXT` characters are cut.

    Args:
        path: the file, for errors.
        batches: its rows.
        parts: the columns' names by part.

    Returns:
        Arrays [n] by part; and bool [n], which rows have texts of UTF-8 alone. Others have
        backslash escapes.

    Raises:
        SourceError: there are too many rows or bytes, or a column is of another type.
    """
    found: dict[str, list[pa.Array]] = {part: [] for part in parts}
    held = dict.fromkeys(parts, 0)
    rows, flags = 0, [np.ones(0, bool)]
    for batch in batches:
        rows += batch.num_rows
        if rows > MAX_ROWS:
            raise SourceError(f"--items {path}: it has more than {MAX_ROWS:,} rows")
        flags.append(np.ones(batch.num_rows, bool))
        for part, name in parts.items():
            column = batch.column(name)
            try:
                texts = _texts(column, flags[-1])
            except (pa.ArrowException, ValueError) as error:
                raise SourceError(
                    f"--items {path}: the column of {part} has the type {column.type}: it must "
                    "hold texts, numbers, times or true and false"
                ) from error
            found[part].append(texts)
            held[part] += texts.nbytes
            if held[part] > _COLUMN_BYTES or sum(held.values()) > MAX_BYTES:
                raise SourceError(
                    f"--items {path}: its texts take more than {_COLUMN_BYTES:,} bytes in a column "
                    f"or {MAX_BYTES:,} in all"
                )
    columns = {
        part: pa.concat_arrays(arrays) if arrays else pa.array([], pa.string())
        for part, arrays in found.items()
    }
    return columns, np.concatenate(flags)


def _texts(array: pa.Array, is_utf8: Bools) -> pa.Array:
    """An array as texts; clears `is_utf8` where a value is none, which gets backslash escapes."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        # A text that many rows share may be long: it is cut first.
        valid = np.ones(len(array.dictionary), bool)
        values = _texts(array.dictionary, valid)
        if not valid.all():
            place = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
            is_utf8 &= valid[place] | array.indices.is_null().to_numpy(zero_copy_only=False)
        return values.take(array.indices)
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        array = array.cast(pa.binary())
    try:
        texts = array.cast(pa.string())
    except pa.ArrowInvalid:
        if not pa.types.is_binary(array.type):
            raise
        # Value by value: this is one file in many.
        decoded = [None if value is None else _text_of(value) for value in array.to_pylist()]
        is_utf8 &= np.array([text is None or text[1] for text in decoded])
        texts = pa.array([text and text[0] for text in decoded], pa.string())
    longest = pc.max(pc.binary_length(texts)).as_py()
    return shortened(texts, MAX_TEXT) if longest and longest > MAX_TEXT else texts


def _text_of(value: bytes) -> tuple[str, bool]:
    try:
        return value.decode(), True
    except UnicodeDecodeError:
        return value.decode("utf-8", "backslashreplace"), False

"""Writes a stream as CSV (plain or gzipped) or Parquet, or to standard output."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from simulation.malformed import MalformedLines
from simulation.options import STDOUT, SUFFIXES, is_parquet
from transforms.messages.events import BEHAVIORS, EventBatch

CHUNK = 131_072
"""Rows in a write."""
GZIP_LEVEL = 6


def write_stream(
    events: EventBatch,
    malformed: MalformedLines | None,
    output: str,
    header: bool = True,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Writes events in their order; a file appears complete or not at all.

    Equal streams give equal bytes: the gzip header has a time of 0 and no file name.

    Args:
        events: in arrival order.
        malformed: lines to insert between them; for CSV only.
        output: a path that ends in one of SUFFIXES, or "-" for CSV on standard output.
        header: whether CSV begins with the columns' names.
        progress: called with the number of rows of each write.

    Raises:
        ValueError: malformed lines in Parquet, or an unknown suffix.
        OSError: the file cannot be written.
    """
    if output == STDOUT:
        _write_csv(events, malformed, sys.stdout.buffer, header, progress)
        sys.stdout.buffer.flush()
        return
    if not output.endswith(SUFFIXES):
        raise ValueError(f"{output}: the name must end in one of {', '.join(SUFFIXES)}")
    if is_parquet(output) and malformed is not None and len(malformed):
        raise ValueError("malformed lines require CSV: the columns of Parquet are typed")
    with _atomic_file(Path(output)) as sink:
        if is_parquet(output):
            _write_parquet(events, sink, progress)
        elif output.endswith(".gz"):
            with gzip.GzipFile("", "wb", GZIP_LEVEL, sink, mtime=0) as packed:
                _write_csv(events, malformed, packed, header, progress)
        else:
            _write_csv(events, malformed, sink, header, progress)


@contextlib.contextmanager
def _atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when it is complete."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as sink:
            yield sink
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _table(events: EventBatch) -> pa.Table:
    names = pa.DictionaryArray.from_arrays(pa.array(events.behavior), pa.array(BEHAVIORS))
    return pa.table(
        {"user": events.user, "item": events.item, "behavior": names, "time": events.time}
    )


def _chunks(events: EventBatch) -> Iterator[tuple[int, EventBatch]]:
    for start in range(0, len(events), CHUNK):
        yield start, events.take(slice(start, start + CHUNK))


def _write_parquet(events: EventBatch, sink: IO[bytes], progress: Callable[[int], None]) -> None:
    with pa.parquet.ParquetWriter(sink, _table(EventBatch.empty()).schema) as writer:
        for _, chunk in _chunks(events):
            writer.write_table(_table(chunk))
            progress(len(chunk))


def _write_csv(
    events: EventBatch,
    malformed: MalformedLines | None,
    sink: IO[bytes] | gzip.GzipFile,
    header: bool,
    progress: Callable[[int], None],
) -> None:
    if header:
        sink.write(b"user,item,behavior,time\n")
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    for start, chunk in _chunks(events):
        buffer = io.BytesIO()
        table = _table(chunk)
        names = table["behavior"].cast(pa.string())  # CSV cannot hold dictionaries
        pa.csv.write_csv(table.set_column(2, "behavior", names), buffer, options)
        sink.write(_spliced(buffer.getvalue(), start, len(chunk), malformed))
        progress(len(chunk))


def _spliced(text: bytes, start: int, rows: int, malformed: MalformedLines | None) -> bytes:
    """The lines of rows `start` .. `start + rows`, with malformed lines inserted."""
    if malformed is None:
        return text
    first, last = np.searchsorted(malformed.before, (start, start + rows))
    if first == last:
        return text
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    begins = np.concatenate(([0], ends))
    parts, done = [], 0
    for line in range(first, last):
        at = int(begins[malformed.before[line] - start])
        parts += [text[done:at], malformed.lines[line], b"\n"]
        done = at
    return b"".join([*parts, text[done:]])

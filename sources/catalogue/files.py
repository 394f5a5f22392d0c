"""A catalogue in a file: CSV with a header (also gzipped), or Parquet."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa

from sources.catalogue.csv_file import read_csv
from sources.catalogue.malformed import joined
from sources.catalogue.parquet_file import read_parquet
from sources.catalogue.rows import ItemRows, item_rows
from sources.errors import SourceError
from sources.files.magic import PARQUET
from sources.files.plan import UNREADABLE, check_regular, open_file
from transforms.messages.dead_letters import NOT_UTF8, DeadLetterBatch

MOST_MALFORMED = 0.5
"""A file of which a larger share of the rows is malformed is refused."""


def read_items(path: str, *, text_ids: bool = False) -> ItemRows:
    """The rows of a catalogue file, in the file's order.

    Raises:
        SourceError: it cannot be read, has no column `item`, is too large when it is unpacked, or
            is mostly malformed.
    """
    check_regular(path, "again")
    try:
        with open_file(path) as stream:
            magic = stream.read(4)
            stream.seek(0)
            if magic == PARQUET:
                columns, is_utf8, broken = read_parquet(path, stream)
            else:
                columns, is_utf8, broken = read_csv(path, stream, text_ids=text_ids)
    except SourceError:
        raise
    except UnicodeDecodeError as error:
        raise SourceError(
            f"--items {path}: its first line is not UTF-8: save it as UTF-8"
        ) from error
    except (*UNREADABLE, pa.ArrowException, ValueError) as error:
        raise SourceError(f"--items {path} cannot be read: {_line(error)}") from error

    def origin(places: list[int]) -> tuple[list[str], list[str]]:
        chosen = pa.table(columns).take(pa.array(places, pa.int64())).to_pylist()
        return [f"{path}:row {place}" for place in places], [json.dumps(row) for row in chosen]

    rows = item_rows(columns, len(is_utf8), text_ids=text_ids, origin=origin, is_utf8=is_utf8)
    letters = joined((rows.letters, broken))
    if not len(rows) + len(letters):
        raise SourceError(
            f"--items {path}: it has no rows, and an item that is not in the catalogue is not "
            "available: write all items"
        )
    if len(letters) > MOST_MALFORMED * (len(rows) + len(letters)):
        kind = "a text of 1 to 256 bytes" if text_ids else "a whole number of 64 bits"
        raise SourceError(
            f"--items {path}: {len(letters):,} of {len(rows) + len(letters):,} rows are malformed, "
            f"{_commonest(letters)}; an "
            f"item must be {kind}, available true or false, price a number, updated and created "
            "seconds since the epoch or ISO times"
        )
    return replace(rows, letters=letters)


def _commonest(letters: DeadLetterBatch) -> str:
    """The reason of most letters, with the first one's detail."""
    reasons = letters.columns["reason"].to_pylist()
    reason, count = Counter(reasons).most_common(1)[0]
    detail = letters.columns["detail"][reasons.index(reason)].as_py()
    hint = ": save the file as UTF-8" if reason == NOT_UTF8 else ""
    return f"{count:,} of them as {reason!r} ({detail}){hint}"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

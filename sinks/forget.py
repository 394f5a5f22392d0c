"""Removes a user from stores and from the feedback log."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sinks.base import StoreSource
from sinks.repair import Repaired, in_store

UserId = int | str
"""A user as stores hold it: text that is a whole number stands for both."""


def user_ids(text: str) -> list[UserId]:
    """The values that may stand for a user: the text, and the 64-bit integer that it writes.

    Args:
        text: the user's id.
    """
    number = _whole_number(text)
    return [text] if number is None or not -(2**63) <= number < 2**63 else [number, text]


def _whole_number(text: str) -> int | None:
    """The number of up to 20 digits whose usual form the text is."""
    digits = text.removeprefix("-")
    if len(digits) <= 20 and digits.isascii() and digits.isdigit() and str(int(text)) == text:
        return int(text)
    return None


def forget_in_stores(sources: Sequence[StoreSource], user: str, dry_run: bool) -> list[Repaired]:
    """Removes a user from stores, one after another; a store that fails does not stop the others.

    Args:
        sources: the stores.
        user: the user's id.
        dry_run: count, and change nothing.
    """
    ids = user_ids(user)
    return [in_store(source, lambda store: store.remove_user(ids, dry_run)) for source in sources]


def forget_in_log(folder: Path, user: str, dry_run: bool) -> int:
    """Removes a user's rows from the Parquet files of a feedback log; returns how many.

    Each file is replaced as a whole, so that a reader finds the old or the new one. A file without
    other rows is removed. Hidden files are left out.

    Args:
        folder: the log's folder, with those of its runs.
        user: the user's id.
        dry_run: count, and change nothing.

    Raises:
        OSError: a file cannot be read or written.
        pa.ArrowException: a file is no Parquet, or its users are neither integers nor texts.
    """
    paths = [
        path
        for path in sorted(folder.rglob("*.parquet"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sum(_forget_in_file(path, user, dry_run) for path in paths)


def _forget_in_file(path: Path, user: str, dry_run: bool) -> int:
    schema = pq.read_schema(path)
    if "user" not in schema.names:
        return 0
    column = pq.read_table(path, columns=["user"])["user"]
    is_user = _is_user(column, user)
    count = int(pc.sum(is_user).as_py() or 0)
    if not count or dry_run:
        return count
    if count == len(column):
        path.unlink()
        return count
    # Readers skip hidden files.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        pq.write_table(pq.read_table(path).filter(pc.invert(is_user)), partial, compression="zstd")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _is_user(column: pa.ChunkedArray, user: str) -> pa.ChunkedArray:
    """Which rows of a column are the user's: integers of any size, or texts.

    Raises:
        pa.ArrowTypeError: the column has another type.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    values: list[int] | list[str]
    if pa.types.is_integer(kind):
        number = _whole_number(user)
        limits = np.iinfo(kind.to_pandas_dtype())
        fits = number is not None and limits.min <= number <= limits.max
        values = [number] if number is not None and fits else []
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = [user]
    else:
        raise pa.ArrowTypeError(f"the users have the type {kind}: they must be integers or texts")
    return pc.is_in(column, pa.array(values, kind))

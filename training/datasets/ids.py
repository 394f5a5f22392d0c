"""Ids of a data set: whole numbers, or texts, which become keys with their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.columns.names import IdCollisionError, Names, keys_of
from transforms.messages.id_kinds import INTEGER, TEXT, IdKinds

Int64s = npt.NDArray[np.int64]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's type is that of texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def read_ids(column: pa.Array | pa.ChunkedArray) -> tuple[Int64s, Names | None]:
    """A column of ids without nulls as int64 [n], and the names of those that are text.

    Raises:
        IdCollisionError: two texts have one key.
        ArrowInvalid: the column has neither texts nor whole numbers.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not is_text(column.type):
        return column.cast(pa.int64()).to_numpy(), None
    found = keys_of(column.cast(pa.string()))
    if found.collides.any():
        text = column[int(np.flatnonzero(found.collides)[0])].as_py()
        raise IdCollisionError(
            f"the id {text!r} has the key of another id: rename one of them at the source"
        )
    return found.key, found.names


def kinds_of(paths: Sequence[Path]) -> IdKinds:
    """The kinds of the ids in Parquet files with the columns user and item, or items."""
    kinds = IdKinds()
    for path in paths:
        schema = pq.read_schema(path)
        item = schema.field("items").type if "items" in schema.names else None
        of_item = schema.field("item").type if item is None else item.value_type
        user_is_text, item_is_text = is_text(schema.field("user").type), is_text(of_item)
        kinds = IdKinds(
            TEXT if user_is_text or kinds.user == TEXT else INTEGER,
            TEXT if item_is_text or kinds.item == TEXT else INTEGER,
        )
    return kinds

"""Columns of Parquet to events, as a schema says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.errors import SourceError
from sources.files.parquet_columns import check_once
from sources.parsing.malformed import Int64s, ParsedRows
from sources.schema.apply import apply_schema
from sources.schema.schema import EACH, Schema
from sources.schema.times import is_clock


def check_columns(columns: pa.Schema, schema: Schema, path: str) -> None:
    """Makes sure that the columns that a schema names are there and can be read.

    Raises:
        SourceError: the schema is of another format, or a column is missing, there twice, or of a
            type that is neither a number, a text nor a time.
    """
    if schema.format not in (None, "parquet"):
        raise SourceError(f'{path} is a Parquet file: give format = "parquet" in the schema')
    for name in schema.wanted():
        root = _root(columns, name)
        check_once(path, columns.names, root)
        kind = _kind(columns, name)
        if kind is None:
            raise SourceError(
                f"{path}: its schema has no column '{name}', which --schema {schema.name} names; "
                f"it has: {', '.join(columns.names)[:200]}"
            )
        value = kind.value_type if pa.types.is_dictionary(kind) else kind
        clock = name in schema.fields.time and is_clock(value)
        if not (clock or _is_plain(value)):
            raise SourceError(f"{path}: column '{name}' is of type {kind}, which cannot be read")


def columns_read(columns: pa.Schema, schema: Schema) -> list[str]:
    """The columns of a file that a schema needs."""
    found = dict.fromkeys(_root(columns, name) for name in schema.wanted())
    return list(found)


def parse_batch(batch: pa.RecordBatch, schema: Schema) -> tuple[dict[str, pa.Array], ParsedRows]:
    """The columns of some rows by the schema's names, and the rows' events.

    A list with an event for each element gives several events on one row. Its column, which is
    for dead letters, holds the first element of each row.
    """
    owners: Int64s | None = None
    columns: dict[str, pa.Array] = {}
    for name in schema.wanted():
        values, at = _find(batch, name)
        columns[name] = values
        if at is not None and owners is not None and not np.array_equal(at, owners):
            raise SourceError(f"--schema {schema.name}: '{name}' is of another list than the rest")
        owners = owners if at is None else at
    if owners is None:
        return columns, apply_schema(columns, schema)
    spread = {
        name: values if EACH in name else values.take(pa.array(owners))
        for name, values in columns.items()
    }
    firsts = pa.array(np.searchsorted(owners, np.arange(batch.num_rows)))
    shown = {
        name: values.take(firsts) if EACH in name else values for name, values in columns.items()
    }
    return shown, apply_schema(spread, schema).renumbered(owners)


def _root(columns: pa.Schema, name: str) -> str:
    return name if name in columns.names else name.split(".")[0].removesuffix(EACH)


def _kind(columns: pa.Schema, name: str) -> pa.DataType | None:
    """The type of the values at a path; None where there is no such column."""
    if name in columns.names:
        return columns.field(name).type
    first, *rest = name.split(".")
    if first.removesuffix(EACH) not in columns.names:
        return None
    kind = _element(columns.field(first.removesuffix(EACH)).type, first)
    for each in rest:
        key = each.removesuffix(EACH)
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(key) < 0:
            return None
        kind = _element(kind.field(key).type, each)
    return kind


def _element(kind: pa.DataType, name: str) -> pa.DataType | None:
    if not name.endswith(EACH):
        return kind
    return kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else None


def _is_plain(kind: pa.DataType) -> bool:
    tests = (
        "is_integer", "is_floating", "is_decimal", "is_boolean", "is_string", "is_large_string",
        "is_null",
    )  # fmt: skip
    return any(getattr(pa.types, test)(kind) for test in tests)


def _find(batch: pa.RecordBatch, name: str) -> tuple[pa.Array, Int64s | None]:
    """The values at a path; and each value's row, where the path has a list."""
    if name in batch.schema.names:
        return batch.column(name), None
    found: pa.Array = pa.StructArray.from_arrays(batch.columns, names=batch.schema.names)
    owners: Int64s | None = None
    for each in name.split("."):
        found = pc.struct_field(found, each.removesuffix(EACH))
        if each.endswith(EACH):
            # A missing or an empty list is one element without a value.
            lengths = pc.list_value_length(found).fill_null(0).to_numpy()
            parents = np.repeat(np.arange(len(found)), np.maximum(lengths, 1))
            at = np.full(len(parents), -1, np.int64)
            at[lengths[parents] > 0] = np.arange(lengths.sum())
            found = found.flatten().take(pa.array(at, mask=at < 0))
            owners = parents if owners is None else owners[parents]
    return found, owners

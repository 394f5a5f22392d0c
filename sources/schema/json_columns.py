"""Blocks of JSON lines to columns by Arrow, where it reads them as orjson does.

Arrow needs each path's type beforehand: it is that of the first lines. A block in which a path has
values of several kinds, or which holds anything that Arrow and orjson may read differently, is left
to `sources.schema.json_lines`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from sources.parsing.line_index import LineIndex
from sources.schema.schema import Schema

FIRST_LINES = 32
_OPEN, _CLOSE = 123, 125
_DIFFERENT = (
    (b"NaN", re.compile(rb"[:,\[\s]NaN")),
    (b"Inf", re.compile(rb"[:,\[\s-]Inf")),
    (b"\\u", re.compile(rb"\\u[dD][89a-fA-F]")),
)
"""What Arrow accepts and orjson may not: numbers that are none, halves of surrogate pairs."""


def read_columns(block: bytes, lines: LineIndex, schema: Schema) -> dict[str, pa.Array] | None:
    """The columns of a block's lines, a row a line; None where Arrow cannot decide.

    Args:
        block: whole lines.
        lines: those that are not empty.
        schema: whose paths are read; none of them has a list.
    """
    if not len(lines):
        return None
    if any(begin in block and pattern.search(block) for begin, pattern in _DIFFERENT):
        return None
    octets = np.frombuffer(block, np.uint8)
    # So each line is an object, and no object spans lines.
    if not ((octets[lines.start] == _OPEN) & (octets[lines.end - 1] == _CLOSE)).all():
        return None
    if any("." in path and b'"%s"' % path.encode() in block for path in schema.wanted()):
        return None  # A key with a dot comes before a path.
    types = _types(lines, schema)
    if types is None:
        return None
    try:
        block.isascii() or block.decode("utf-8")
        table = pa_json.read_json(
            pa.BufferReader(block),
            pa_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            pa_json.ParseOptions(
                explicit_schema=_nested(types), unexpected_field_behavior="ignore"
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    if table.num_rows != len(lines):
        return None
    batch = table.combine_chunks().to_batches()[0]
    return {path: _at(batch, path) for path in types}


def _types(lines: LineIndex, schema: Schema) -> dict[str, pa.DataType] | None:
    """The types of the paths in the first lines; None where one has several kinds."""
    kinds: dict[str, set[type]] = {path: set() for path in schema.wanted()}
    try:
        for row in range(min(FIRST_LINES, len(lines))):
            found = orjson.loads(lines.line(row))
            for path, seen in kinds.items():
                value: Any = found
                for name in path.split("."):
                    value = value.get(name) if isinstance(value, dict) else None
                if value is not None:
                    seen.add(type(value))
    except (orjson.JSONDecodeError, RecursionError):
        return None
    fields = schema.fields
    exact = {fields.user, fields.item, *fields.time}
    types: dict[str, pa.DataType] = {}
    for path, seen in kinds.items():
        if seen <= {str}:
            types[path] = pa.string()
        elif seen == {int}:
            types[path] = pa.int64()
        elif seen <= {int, float} and path not in exact:
            types[path] = pa.float64()
        else:
            return None
    return types


def _nested(types: Mapping[str, pa.DataType]) -> pa.Schema:
    tree: dict[str, Any] = {}
    for path, kind in types.items():
        *parents, last = path.split(".")
        branch = tree
        for name in parents:
            branch = branch.setdefault(name, {})
        branch[last] = kind
    return pa.schema(_fields(tree))


def _fields(tree: Mapping[str, Any]) -> list[pa.Field]:
    return [
        pa.field(name, pa.struct(_fields(inner)) if isinstance(inner, dict) else inner)
        for name, inner in tree.items()
    ]


def _at(batch: pa.RecordBatch, path: str) -> pa.Array:
    first, *rest = path.split(".")
    found = batch.column(first)
    for name in rest:
        found = pc.struct_field(found, name)
    return found

"""Values in the registry's wire format: a zero byte, the schema's id (4 bytes), and Avro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sources.parsing.malformed import Malformed
from sources.registry.client import SchemaRegistry
from transforms.messages.dead_letters import NOT_AVRO

_MAGIC = 0
_HEADER = 5


def decode(
    values: Sequence[bytes], registry: SchemaRegistry
) -> tuple[list[dict[str, Any]], list[int], list[tuple[int, Malformed]]]:
    """The records in some values.

    Returns:
        The records, the row of each, and the rows that are none.

    Raises:
        SourceError: the registry does not answer.
    """
    objects, rows, malformed = [], [], []
    for row, value in enumerate(values):
        found = decode_one(value, registry)
        if isinstance(found, str):
            malformed.append((row, Malformed(NOT_AVRO, None)))
        else:
            objects.append(found)
            rows.append(row)
    return objects, rows, malformed


def decode_one(value: bytes, registry: SchemaRegistry) -> dict[str, Any] | str:
    """The record in a value, or in words why there is none."""
    if len(value) <= _HEADER or value[0] != _MAGIC:
        return "no value in the wire format of a schema registry: a zero byte and a schema's id"
    number = int.from_bytes(value[1:_HEADER], "big")
    schema = registry.schema(number)
    if isinstance(schema, str):
        return schema
    found = schema.read(value[_HEADER:])
    return found if found is not None else f"no value of the registry's schema {number}"

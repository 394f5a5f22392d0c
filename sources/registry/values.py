"""Values in the registry's wire format: a zero byte, the schema's id (4 bytes), and the value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sources.parsing.malformed import Malformed
from sources.registry.client import SchemaRegistry
from sources.registry.errors import SchemaError
from transforms.messages.dead_letters import NOT_AVRO

_MAGIC = 0
_HEADER = 5


class UndecodedError(SchemaError):
    """A value is no record: why, in words.

    Args:
        why: in words.
        reason: of the dead letter.
    """

    def __init__(self, why: str, reason: str = NOT_AVRO) -> None:
        super().__init__(why)
        self.reason = reason


def decode(
    values: Sequence[bytes], registry: SchemaRegistry, wanted: Sequence[str]
) -> tuple[list[dict[str, Any]], list[int], list[tuple[int, Malformed]]]:
    """The records in some values.

    Args:
        values: as they came.
        registry: where their schemas are.
        wanted: the paths that are read.

    Returns:
        The records, the row of each, and the rows that are none.

    Raises:
        SourceError: the registry does not answer.
    """
    objects, rows, malformed = [], [], []
    for row, value in enumerate(values):
        try:
            objects.append(decode_one(value, registry, wanted))
        except UndecodedError as error:
            malformed.append((row, Malformed(error.reason, None)))
        else:
            rows.append(row)
    return objects, rows, malformed


def is_registered(value: bytes) -> bool:
    """Whether a value looks like one in the wire format: JSON and CSV have no zero byte."""
    return len(value) > _HEADER and value[0] == _MAGIC


def decode_one(
    value: bytes, registry: SchemaRegistry, wanted: Sequence[str] | None
) -> dict[str, Any]:
    """The record in a value.

    Args:
        value: as it came.
        registry: where its schema is.
        wanted: the paths that are read; None for all.

    Raises:
        UndecodedError: there is none.
        SourceError: the registry does not answer.
    """
    if not is_registered(value):
        raise UndecodedError(
            "no value in the wire format of a schema registry: a zero byte and a schema's id"
        )
    number = int.from_bytes(value[1:_HEADER], "big")
    schema = registry.schema(number)
    if isinstance(schema, str):
        raise UndecodedError(schema)
    found = schema.read(value[_HEADER:], wanted)
    if found is None:
        raise UndecodedError(f"no value of the registry's schema {number}", schema.REASON)
    return found

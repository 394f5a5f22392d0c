"""Avro schemas and values. A schema that would let a small value cost much is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import fastavro

from sources.registry.errors import SchemaError
from transforms.messages.dead_letters import NOT_AVRO

MOST_NAMES = 1_000
"""Most types in a schema, each counted as often as it is used."""
_NAMED = ("record", "enum", "fixed")
_LEAST = {"null": 0, "float": 4, "double": 8}
"""Fewest bytes of a primitive type; 1 for the others."""
_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


class AvroSchema:
    """A schema that values are read by.

    Args:
        parsed: fastavro's form of it.
    """

    REASON: ClassVar[str] = NOT_AVRO
    """Of a value that is none of the schema's."""

    def __init__(self, parsed: Any) -> None:
        self._parsed = parsed

    def read(self, encoded: bytes, wanted: Sequence[str] | None = None) -> dict[str, Any] | None:
        """The record in some bytes, all of which it must take; None where there is none.

        All of its fields are read, whatever is wanted.
        """
        del wanted
        stream = io.BytesIO(encoded)
        try:
            found = fastavro.schemaless_reader(stream, self._parsed, None)
        except (
            ArithmeticError, AttributeError, EOFError, LookupError, TypeError, ValueError, OSError,
            MemoryError, RecursionError,
        ):  # fmt: skip
            return None
        if stream.tell() != len(encoded) or not isinstance(found, dict):
            return None
        return found


def parse_avro_schema(text: Any) -> AvroSchema:
    """The schema of a JSON text.

    Raises:
        SchemaError: it is no Avro schema of a record; or it is recursive, or has a list of
            elements that take no bytes, so that a small value could be very large in memory.
    """
    try:
        found = json.loads(text)
        parsed = fastavro.parse_schema(found)
        _Check().check(found)
    except SchemaError:
        raise
    except Exception as error:
        raise SchemaError("the registry's schema is no Avro schema") from error
    if not isinstance(found, Mapping) or found.get("type") != "record":
        raise SchemaError("the registry's schema is not that of a record")
    return AvroSchema(parsed)


class _Check:
    """Walks through a schema; `check` gives the fewest bytes of a value."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._open: list[str] = []
        self._count = 0

    def check(self, schema: Any, space: str = "") -> int:
        self._count += 1
        if self._count > MOST_NAMES:
            raise SchemaError(f"the registry's schema has more than {MOST_NAMES:,} types")
        if isinstance(schema, list):
            return 1 + min((self.check(each, space) for each in schema), default=0)
        if isinstance(schema, str):
            return self._named(schema, space)
        kind = schema["type"]
        if kind not in (*_NAMED, "error", "array", "map"):
            return self.check(kind, space)
        if kind in ("array", "map"):
            element = self.check(schema["items" if kind == "array" else "values"], space)
            if kind == "array" and not element:
                raise SchemaError("the registry's schema has a list of elements without bytes")
            return 1
        space = schema.get("namespace", space)
        name = _full_name(schema["name"], space)
        self._known[name] = schema
        if kind == "fixed":
            return int(schema["size"])
        if kind == "enum":
            return 1
        self._open.append(name)
        size = sum(self.check(field["type"], space) for field in schema["fields"])
        self._open.pop()
        return size

    def _named(self, name: str, space: str) -> int:
        if name in _PRIMITIVES:  # Also where a record of the namespace has this name.
            return _LEAST.get(name, 1)
        found = name if name in self._known else _full_name(name, space)
        if found not in self._known:
            raise SchemaError(f"the registry's schema has no type {name[:80]!r}")
        if found in self._open:
            raise SchemaError("the registry's schema is recursive")
        schema = self._known[found]
        return self.check(schema, found.rpartition(".")[0])


def _full_name(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"

"""Objects of JSON or Avro whose paths go through a list: a row for each element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rivulet.limits import MAX_ELEMENTS
from sources.schema.schema import EACH
from transforms.columns.names import MAX_BYTES as ID_BYTES

PART_ROWS = 10_000
"""Rows after which a part ends: objects of a block are spread some at a time."""

_CUT = 64
"""Characters that are left of a text that is cut."""


@dataclass(frozen=True, slots=True)
class Exploded:
    """The rows of some objects.

    Attributes:
        cells: the values of each path, one for each row.
        owners: the place of each row's object.
        wide: the objects that have more than MAX_ELEMENTS rows, which are left out: their places
            and their numbers of rows.
    """

    cells: dict[str, list[Any]]
    owners: list[int] = field(default_factory=list)
    wide: list[tuple[int, int]] = field(default_factory=list)


def exploded(objects: Sequence[dict[str, Any]], wanted: Sequence[str]) -> Iterator[Exploded]:
    """The cells of the paths, in parts of whole objects; the last part may be empty.

    An object whose list is missing or empty has one row, without the values of the elements.
    """
    part = Exploded({path: [] for path in wanted})
    for number, each in enumerate(objects):
        if len(part.owners) >= PART_ROWS:
            yield part
            part = Exploded({path: [] for path in wanted})
        found = {path: _all(each, path) for path in wanted}
        rows = max((len(values) for path, values in found.items() if EACH in path), default=1) or 1
        if rows > MAX_ELEMENTS:
            part.wide.append((number, rows))
            continue
        for path, values in found.items():
            if EACH in path:
                part.cells[path] += values + [None] * (rows - len(values))
            else:
                part.cells[path] += [_short(value) for value in values] * rows
        part.owners.extend([number] * rows)
    yield part


def _short(value: Any) -> Any:
    """A value that is copied for each element: a text that no field may have is cut.

    It ends in a NUL then, so that no beginning of it is taken for the value.
    """
    if isinstance(value, bytes):
        return value[:_CUT]
    text = str(value) if isinstance(value, Decimal) else value
    if not isinstance(text, str) or len(text) <= ID_BYTES:
        return value
    return f"{text[:_CUT]}\0"


def _all(found: dict[str, Any], path: str) -> list[Any]:
    """The values at a path; several where a name of it has `[]`."""
    if path in found:
        return [found[path]]
    values: list[Any] = [found]
    for name in path.split("."):
        key = name.removesuffix(EACH)
        values = [each.get(key) if type(each) is dict else None for each in values]
        if name.endswith(EACH):
            values = [
                element for each in values for element in (each if type(each) is list else [])
            ]
    return values

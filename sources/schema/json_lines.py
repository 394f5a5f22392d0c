"""Lines of JSON, or Kafka's values of JSON, to events, as a schema says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pyarrow as pa

from rivulet.limits import MAX_ELEMENTS
from sources.parsing.line_index import LineIndex
from sources.parsing.malformed import NO_ROWS, Int64s, Malformed, MalformedRows, ParsedRows
from sources.schema.apply import apply_schema
from sources.schema.elements import exploded
from sources.schema.ids import id_text
from sources.schema.json_columns import read_columns
from sources.schema.json_text import load_json
from sources.schema.schema import EACH, Schema
from transforms.messages.dead_letters import NOT_JSON, NOT_UTF8, TOO_MANY
from transforms.messages.events import EventBatch


@dataclass(frozen=True)
class JsonLines:
    """Reads objects of JSON.

    Attributes:
        schema: what the paths mean.
    """

    schema: Schema

    @property
    def has_header(self) -> bool:
        """Whether a file's first line names the columns: an object's names are in itself."""
        return False

    def parse(self, block: bytes) -> ParsedRows:
        """The events of a block of lines; rows are those that are not empty, from 0."""
        lines = LineIndex.of(block)
        if not any(EACH in path for path in self.schema.wanted()):
            columns = read_columns(block, lines, self.schema)
            if columns is not None:
                return apply_schema(columns, self.schema)
        return self.parse_values(_lines(lines))

    def parse_values(self, values: Sequence[bytes]) -> ParsedRows:
        """The events of some values, one row each."""
        malformed: list[tuple[int, Malformed]] = []
        rows: list[int] | None = None
        try:
            objects = list(map(orjson.loads, values))
        except orjson.JSONDecodeError:
            objects, rows = _one_by_one(values, malformed)
        return self.parse_objects(objects, rows, malformed)

    def parse_objects(
        self, objects: list[Any], rows: list[int] | None, malformed: list[tuple[int, Malformed]]
    ) -> ParsedRows:
        """The events of some objects.

        Args:
            objects: what was read.
            rows: the row of each; None for a row each.
            malformed: the other rows.
        """
        if set(map(type, objects)) - {dict}:
            numbers = range(len(objects)) if rows is None else rows
            pairs = list(zip(numbers, objects, strict=True))
            malformed += [
                (row, Malformed(NOT_JSON, None)) for row, each in pairs if type(each) is not dict
            ]
            rows = [row for row, each in pairs if type(each) is dict]
            objects = [each for _, each in pairs if type(each) is dict]
        wanted = self.schema.wanted()
        places = np.arange(len(objects)) if rows is None else np.array(rows, np.int64)
        if any(EACH in path for path in wanted):
            return self._parse_elements(objects, places, malformed)
        parsed = self._events({path: _column(objects, path) for path in wanted})
        if rows is None and not malformed:
            return parsed
        wrong = ParsedRows.of_malformed(MalformedRows.of(malformed))
        return ParsedRows.concat((parsed.renumbered(places), wrong))

    def _parse_elements(
        self, objects: list[Any], places: Int64s, malformed: list[tuple[int, Malformed]]
    ) -> ParsedRows:
        """The events of objects that hold lists, and the malformed rows."""
        found = []
        for part in exploded(objects, self.schema.wanted()):
            malformed += [(int(places[at]), Malformed(TOO_MANY, None)) for at, _ in part.wide]
            if part.owners:
                parsed = self._events(part.cells)
                found.append(parsed.renumbered(places[np.array(part.owners, np.int64)]))
        wrong = MalformedRows.concat((MalformedRows.of(malformed),))
        return ParsedRows.concat((*found, ParsedRows.of_malformed(wrong)))

    def _events(self, cells: Mapping[str, list[Any]]) -> ParsedRows:
        """The events of rows; those whose times are of different types are read apart."""
        times = [cells[path] for path in dict.fromkeys(self.schema.fields.time)]
        if not len(times[0]):
            return _NOTHING
        if not any(map(_are_several, times)):
            return apply_schema(self._columns(cells), self.schema)
        rows: dict[tuple[str, ...], list[int]] = {}
        for row, values in enumerate(zip(*times, strict=True)):
            rows.setdefault(tuple(map(_time_type, values)), []).append(row)
        found = []
        for group in rows.values():
            part = {path: [values[row] for row in group] for path, values in cells.items()}
            parsed = apply_schema(self._columns(part), self.schema)
            found.append(parsed.renumbered(np.array(group, np.int64)))
        return ParsedRows.concat(found)

    def _columns(self, cells: Mapping[str, list[Any]]) -> dict[str, pa.Array]:
        texts = self.schema.text_ids()
        return {
            path: pa.array(list(map(id_text, values)), pa.string())
            if path in texts
            else json_column(values)
            for path, values in cells.items()
        }

    def values(self, raw: str) -> dict[str, Any] | str:
        """The wanted values of one object, or why it cannot be read.

        Of a list, those of the first element that is no event.
        """
        try:
            found = load_json(raw)
        except (ValueError, RecursionError) as error:
            return f"not JSON: {error}"
        return self.wanted_values(found)

    def wanted_values(self, found: Any) -> dict[str, Any] | str:
        """The same of an object that was read."""
        if not isinstance(found, dict):
            return "no JSON object"
        (part,) = exploded([found], self.schema.wanted())
        if part.wide:
            return f"{part.wide[0][1]:,} events in a list, more than {MAX_ELEMENTS:,}"
        cells = part.cells
        wrong = self._events(cells).malformed.row
        at = int(wrong[0]) if len(wrong) else 0
        return {path: values[at] for path, values in cells.items()}


_NOTHING = ParsedRows.of(EventBatch.empty(), NO_ROWS)


def _lines(lines: LineIndex) -> list[bytes]:
    pairs = zip(lines.start.tolist(), lines.end.tolist(), strict=True)
    return [lines.block[start:end] for start, end in pairs]


def _one_by_one(
    values: Sequence[bytes], malformed: list[tuple[int, Malformed]]
) -> tuple[list[Any], list[int]]:
    objects, rows = [], []
    for row, value in enumerate(values):
        try:
            objects.append(orjson.loads(value))
            rows.append(row)
        except orjson.JSONDecodeError:
            try:
                value.decode("utf-8")
                malformed.append((row, Malformed(NOT_JSON, None)))
            except UnicodeDecodeError:
                malformed.append((row, Malformed(NOT_UTF8, None)))
    return objects, rows


def _column(objects: list[dict[str, Any]], path: str) -> list[Any]:
    """The value of each object at a path without lists; None where there is none."""
    if "." not in path:
        return [each.get(path) for each in objects]
    find = _finder(path)
    return [find(each) for each in objects]


def _finder(path: str) -> Callable[[dict[str, Any]], Any]:
    names = path.split(".")

    def find(found: Any) -> Any:
        if path in found:
            return found[path]
        for name in names:
            if type(found) is not dict:
                return None
            found = found.get(name)
        return found

    return find


def _are_several(values: list[Any]) -> bool:
    """Whether some of the values are typed times, and others are none, or of another type."""
    kinds = set(map(type, values)) - {type(None)}
    return bool(kinds & {date, datetime}) and len(set(map(_time_type, values)) - {""}) > 1


def _time_type(value: Any) -> str:
    """Values of one type can be one column of times; missing ones fit any."""
    if isinstance(value, datetime):
        return "local time" if value.tzinfo is None else "time"
    return "" if value is None else "date" if isinstance(value, date) else "other"


def json_column(values: list[Any]) -> pa.Array:
    """The values as a column: whole numbers, numbers or texts; of several kinds, as texts."""
    kinds = set(map(type, values)) - {type(None)}
    try:
        if kinds == {int}:
            return pa.array(values, pa.int64())
        if kinds == {float}:
            return pa.array(values, pa.float64())
        if kinds <= {str}:
            return pa.array(values, pa.string())
        if kinds <= {datetime}:  # Avro's timestamps; one without a zone is a local time.
            zones = {each.tzinfo is None for each in values if each is not None}
            return pa.array(values, pa.timestamp("us", None if zones == {True} else "UTC"))
        if kinds <= {date}:
            return pa.array(values, pa.date32())
    except (OverflowError, pa.ArrowInvalid):
        pass
    return pa.array([_text(each) for each in values], pa.string())


def _text(value: Any) -> str | None:
    """Its text; of a list or an object, which no field may be, a mark."""
    if isinstance(value, list | dict):
        return "[...]" if isinstance(value, list) else "{...}"  # It may be nested very deeply.
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):  # Avro's.
        return str(value)
    return json.dumps(value, default=str)

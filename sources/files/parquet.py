"""Parquet's row groups to events, some ten thousand rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.files.parquet_columns import (
    behavior_column,
    number_column,
    python_values,
    shortened,
    text_columns,
)
from sources.files.parquet_pages import safe_batch_rows
from sources.files.plan import FileRange, open_file
from sources.parsing.fields import judge
from sources.parsing.layout import positions
from sources.parsing.malformed import CUT_BYTES, MalformedRows, ParsedRows, details_of
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch

if TYPE_CHECKING:
    from sources.schema.schema import Schema

BATCH_ROWS = 65_536


class ParquetRows(NamedTuple):
    """Some rows of a file.

    Attributes:
        path: the file.
        first: the number of the first row, from 0 in the file.
        columns: the columns of an event's parts; with a schema, the columns that it names.
        parsed: the events, and the malformed rows.
        schema: what the columns mean; None: they have an event's own names.
    """

    path: str
    first: int
    columns: dict[str, pa.Array]
    parsed: ParsedRows
    schema: Schema | None = None

    def letters(self, malformed: MalformedRows) -> DeadLetterBatch:
        """Malformed rows as dead letters; a source is `PATH:row N`, the row is a JSON object."""
        raw = self._as_json(pa.array(malformed.row))
        return DeadLetterBatch.of_columns(
            [f"{self.path}:row {self.first + row}" for row in malformed.row.tolist()],
            malformed.reasons(),
            raw,
            malformed.times(),
            details_of(malformed, raw, self._explain),
        )

    def _explain(self, reason: str, raw: str) -> str:
        from sources.schema.explain import explain, explain_fields

        values = json.loads(raw)
        if self.schema is None:
            return explain_fields(reason, values)
        return explain(reason, values, self.schema)

    def _as_json(self, rows: pa.Array) -> list[str]:
        taken = {
            part: python_values(shortened(column.take(rows), CUT_BYTES))
            for part, column in self.columns.items()
        }
        return [
            json.dumps(dict(zip(taken, values, strict=True)), default=str, ensure_ascii=False)
            for values in zip(*taken.values(), strict=True)
        ]


def read_row_groups(piece: FileRange, batch_rows: int = BATCH_ROWS) -> Iterator[ParquetRows]:
    """The rows of a range's row groups.

    A whole number may be of any numeric type or text, a time also a timestamp, a behavior
    text or a dictionary of texts. Texts are read as dictionaries, so that one which many rows
    share takes its memory once.

    Raises:
        OSError: the file cannot be read.
        SourceError: a page is too large, or the file is broken.
    """
    with open_file(piece.path) as stream:
        schema = pq.read_schema(stream)
        stream.seek(0)
        file = pq.ParquetFile(stream, read_dictionary=text_columns(schema))
        at = positions(schema.names)
        names = {part: schema.names[column] for part, column in at.items()}
        wanted = list(names.values())
        if piece.schema is not None:
            # Imported for those who have a schema.
            from sources.schema.parquet import columns_read, parse_batch

            wanted = columns_read(schema, piece.schema)
        row = sum(file.metadata.row_group(group).num_rows for group in range(piece.start))
        groups = range(piece.start, piece.stop)
        safe = safe_batch_rows(stream, piece.path, file.metadata, groups, wanted)
        if safe is not None:
            # Dictionaries grow with each distinct text of a row group.
            batch_rows, file = min(batch_rows, safe), pq.ParquetFile(stream)
        for batch in file.iter_batches(batch_rows, groups, wanted):
            if piece.schema is not None:
                columns, parsed = parse_batch(batch, piece.schema)
            else:
                columns = {part: batch.column(name) for part, name in names.items()}
                parsed = _parse(columns)
            yield ParquetRows(piece.path, row, columns, parsed, piece.schema)
            row += batch.num_rows


def _parse(columns: dict[str, pa.Array]) -> ParsedRows:
    user, user_valid = number_column(columns["user"])
    item, item_valid = number_column(columns["item"])
    time, time_valid = number_column(columns["time"])
    if "behavior" in columns:
        behavior = behavior_column(columns["behavior"])
    else:
        behavior = np.zeros(len(user), np.int8)
    return judge(EventBatch(user, item, behavior, time), user_valid & item_valid, time_valid)

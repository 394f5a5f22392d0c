"""Lines of CSV with any delimiter to events, as a schema says.

Arrow splits the fields. Lines that it may read differently from RFC 4180 are split one by one:
a lone carriage return, bytes that are not UTF-8, a byte order mark, a quote that is not closed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from sources.errors import SourceError
from sources.parsing.fields import single_chunk
from sources.parsing.line_index import QUOTE, LineIndex
from sources.parsing.malformed import NO_ROWS, Malformed, MalformedRows, ParsedRows
from sources.parsing.special_rows import special_rows
from sources.schema.apply import apply_schema
from sources.schema.schema import Schema
from transforms.messages.dead_letters import NOT_UTF8, TOO_FEW, TOO_MANY
from transforms.messages.events import EventBatch

_UNIT = b"\x1f"
"""What stands for a delimiter of several bytes, for which Arrow has no option."""
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_COMMON = (";", "\t", "|", ",", "::")


@dataclass(frozen=True)
class CsvLines:
    """Reads lines of CSV.

    Attributes:
        schema: what the columns mean.
        names: the columns' names, in order.
    """

    schema: Schema
    names: tuple[str, ...]

    @staticmethod
    def of(schema: Schema, names: tuple[str, ...], where: str) -> CsvLines:
        """The reader of columns with these names.

        Args:
            schema: what the columns mean.
            names: as the header or the schema has them.
            where: what has the names, for the error.

        Raises:
            SourceError: a column of the schema is not there.
        """
        stripped = tuple(name.strip() for name in names)
        for name in schema.wanted():
            if name in stripped:
                continue
            hint = ""
            if len(stripped) == 1:
                signs = [sign for sign in _COMMON if sign in stripped[0]]
                hint = f"; the delimiter looks like {signs[0]!r}" if signs else ""
            listed = ", ".join(each or "(no name)" for each in stripped)
            raise SourceError(
                f"{where} has no column '{name}', which --schema {schema.name} names; "
                f"it has: {listed[:200]}{hint}"
            )
        return CsvLines(schema, stripped)

    @property
    def has_header(self) -> bool:
        """Whether a file's first line names the columns."""
        return self.schema.header

    def parse(self, block: bytes) -> ParsedRows:
        """The events of a block of lines; rows are those that are not empty, from 0."""
        delimiter = self.schema.delimiter.encode()
        if len(delimiter) > 1:
            block, delimiter = block.replace(delimiter, _UNIT), _UNIT
        if not block:
            return ParsedRows.of(EventBatch.empty(), NO_ROWS)
        special = special_rows(block, quotes=False)
        if special is None:
            return self._of_plain(block, delimiter, b'"' in block)
        lines = LineIndex.of(block)
        numbers = np.setdiff1d(np.arange(len(lines)), special, assume_unique=True)
        plain = self._of_plain(lines.without(special), delimiter, b'"' in block)
        single = self._one_by_one(lines, special, delimiter)
        return ParsedRows.concat((plain.renumbered(numbers), single))

    def _of_plain(self, text: bytes, delimiter: bytes, quoted: bool) -> ParsedRows:
        """The rows of valid lines, which may have quotes."""
        table, skipped = self._split(text, delimiter, quoted)
        if quoted:
            lines = LineIndex.of(text)
            quotes = np.flatnonzero(np.frombuffer(text, np.uint8) == QUOTE)
            with_quotes = lines.rows_with(quotes)
            if table.num_rows + len(skipped) != len(lines):
                # A quote that is not closed hides line ends.
                bad = with_quotes
            else:
                bad = np.intersect1d(with_quotes, [row for row, _ in skipped])
            if len(bad):
                numbers = np.setdiff1d(np.arange(len(lines)), bad, assume_unique=True)
                rest = self._of_plain(lines.without(bad), delimiter, len(bad) < len(with_quotes))
                single = self._one_by_one(lines, bad, delimiter)
                return ParsedRows.concat((rest.renumbered(numbers), single))
        columns = {
            name: single_chunk(table.column(str(self.names.index(name))))
            for name in self.schema.wanted()
        }
        parsed = apply_schema(columns, self.schema)
        if not skipped:
            return parsed
        wrong = MalformedRows.of(skipped)
        numbers = np.delete(np.arange(table.num_rows + len(wrong)), wrong.row)
        return ParsedRows.concat((parsed.renumbered(numbers), ParsedRows.of_malformed(wrong)))

    def _split(
        self, text: bytes, delimiter: bytes, quoted: bool
    ) -> tuple[pa.Table, list[tuple[int, Malformed]]]:
        skipped: list[tuple[int, Malformed]] = []

        def skip(row: Any) -> str:
            reason = TOO_FEW if row.actual_columns < row.expected_columns else TOO_MANY
            skipped.append((row.number - 1, Malformed(reason, None)))
            return "skip"

        types = {str(self.names.index(name)): pa.binary() for name in self.schema.wanted()}
        behavior = self.schema.fields.behavior
        if behavior is not None and not self.schema.behaviors.thresholds:
            types[str(self.names.index(behavior))] = _DICTIONARY
        table = pa_csv.read_csv(
            pa.BufferReader(text),
            # Arrow numbers rows only on a single thread with a single block.
            pa_csv.ReadOptions(
                column_names=[str(at) for at in range(len(self.names))],
                use_threads=False,
                block_size=len(text) + 1,
            ),
            pa_csv.ParseOptions(
                delimiter=delimiter.decode(),
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
                invalid_row_handler=skip,
            ),
            pa_csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=[],
                strings_can_be_null=False,
                check_utf8=False,  # The whole block was checked.
            ),
        ) if text[:1] not in b"\r\n" or text.strip(b"\r\n") else _no_rows(types)  # fmt: skip
        return table, skipped

    def _one_by_one(
        self, lines: LineIndex, rows: npt.NDArray[np.int64], delimiter: bytes
    ) -> ParsedRows:
        """Some rows, split in Python."""
        good: list[list[str]] = []
        good_rows: list[int] = []
        malformed: list[tuple[int, Malformed]] = []
        width = len(self.names)
        for row in rows.tolist():
            try:
                text = lines.line(row).decode("utf-8")
            except UnicodeDecodeError:
                malformed.append((row, Malformed(NOT_UTF8, None)))
                continue
            fields = split_line(text, delimiter.decode(), width)
            if len(fields) == width:
                good.append(fields)
                good_rows.append(row)
            else:
                reason = TOO_FEW if len(fields) < width else TOO_MANY
                malformed.append((row, Malformed(reason, None)))
        wrong = ParsedRows.of_malformed(MalformedRows.of(malformed))
        if not good:
            return wrong
        columns = {
            name: pa.array([fields[self.names.index(name)] for fields in good], pa.string())
            for name in self.schema.wanted()
        }
        parsed = apply_schema(columns, self.schema).renumbered(np.array(good_rows, np.int64))
        return ParsedRows.concat((parsed, wrong))

    def values(self, raw: str) -> dict[str, Any] | str:
        """The wanted fields of one line, or why it cannot be split."""
        width, delimiter = len(self.names), self.schema.delimiter
        fields = split_line(raw, delimiter, width)
        if len(fields) != width:
            found = f"{len(fields)} fields, not {width}"
            for sign in _COMMON:
                if sign != delimiter and len(raw.split(sign)) == width > 1:
                    return f"{found}: the delimiter looks like {sign!r}"
            return found
        return {name: fields[self.names.index(name)] for name in self.schema.wanted()}


def _no_rows(types: dict[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([], kind) for name, kind in types.items()})


def split_line(text: str, delimiter: str, width: int) -> list[str]:
    """The fields of one line; quotes are read as CSV has them where that gives `width` fields."""
    bare = text.split(delimiter)
    if '"' not in text or len(delimiter) > 1:
        return bare
    try:
        fields = next(csv.reader([text.replace("\r", "\0")], delimiter=delimiter))
    except csv.Error:  # a field beyond the module's limit of 128 KiB
        return bare
    return bare if len(fields) != width and len(bare) == width else fields

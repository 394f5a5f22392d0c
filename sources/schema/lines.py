"""What reads lines as a schema says: CSV or JSON, as the schema or the first line tells."""

from __future__ import annotations

from sources.errors import SourceError
from sources.schema.csv_lines import CsvLines, split_line
from sources.schema.json_lines import JsonLines
from sources.schema.schema import Schema

SchemaLines = CsvLines | JsonLines


def lines_of(schema: Schema, first: bytes, where: str) -> SchemaLines:
    """What reads the lines of a file.

    Args:
        schema: what the fields mean.
        first: the file's first line, without its end.
        where: the file.

    Raises:
        SourceError: the file is of another format than the schema's, or lacks a column.
    """
    if schema.format == "parquet":
        raise SourceError(f"{where} is no Parquet file, as --schema {schema.name} says")
    if schema.format == "jsonl" or (schema.format is None and first.lstrip().startswith(b"{")):
        return JsonLines(schema)
    if not schema.header:
        return CsvLines.of(schema, schema.columns, f"--schema {schema.name}: columns")
    try:
        names = split_line(first.decode("utf-8"), schema.delimiter, 0)
    except UnicodeDecodeError:
        raise SourceError(
            f"{where}: the first line, which should name the columns, is not UTF-8 text"
        ) from None
    return CsvLines.of(schema, tuple(names), f"{where}: the header")

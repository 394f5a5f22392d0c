"""The first rows of an input, for `pipelines.inspect`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rivulet.urls import public_name
from sources.errors import SourceError
from sources.files.magic import GZIP, PARQUET
from sources.files.parquet_columns import python_values
from sources.files.parquet_pages import safe_batch_rows
from sources.files.plan import UNREADABLE, check_regular, match, open_file, unzipped
from sources.options import is_file_input
from sources.parsing.lines import whole_number
from sources.parsing.malformed import ParsedRows
from sources.registry.values import UndecodedError, decode_one, is_registered
from sources.schema.csv_lines import split_line
from sources.schema.explain import explain
from sources.schema.json_text import load_json
from sources.schema.kafka_values import explain_malformed, parse_schema_values
from sources.schema.lines import lines_of
from sources.schema.parquet import check_columns, parse_batch
from sources.schema.propose import Sample, guess_delimiter
from sources.schema.schema import Schema

_BYTES = 8 << 20
_WAIT = 5.0
_PATHS, _DEPTH = 1_000, 32
"""Paths of objects that are looked at, and how deeply they may be nested."""

_MARK = "\ufeff".encode()


class Inspected:
    """The first rows of a file or a topic.

    Args:
        url: the file, the glob (its first file) or the topic.
        most: rows to look at.
        registry: the schema registry of the topic's values, or None.

    Raises:
        SourceError: there is no such input, it cannot be read, or it is empty; or its values are
            those of a registry that is not given, or the other way round.
    """

    def __init__(self, url: str, most: int, registry: str | None = None) -> None:
        self.url = url
        self.registry = registry
        self.lines: list[bytes] = []
        self.batch: Any = None
        self.topic = not is_file_input(url)
        try:
            if self.topic:
                self.lines = topic_values(url, most)
            else:
                self._read_file(match(url)[0][0], most)
        except (*UNREADABLE, pa.ArrowException) as error:
            raise SourceError(f"{public_name(url)} cannot be read: {error}") from error
        if not self.lines and self.batch is None:
            raise SourceError(f"{public_name(url)} is empty: there is nothing to look at")
        if (
            registry is None
            and self.topic
            and sum(map(is_registered, self.lines)) * 2 > len(self.lines)
        ):
            raise SourceError(
                f"{public_name(url)} has values that begin with a zero byte, as those of a schema "
                "registry do: give its address with --schema_registry"
            )

    def _read_file(self, path: str, most: int) -> None:
        check_regular(path)
        with open_file(path) as stream:
            magic = stream.read(4)
            stream.seek(0)
            if magic == PARQUET:
                self.batch = _first_batch(stream, path, most)
                return
            text = unzipped(stream) if magic.startswith(GZIP) else stream
            content = text.read(_BYTES)
        lines = content.removeprefix(_MARK).splitlines()
        if len(content) == _BYTES and len(lines) > 1:
            lines.pop()  # It may not be whole.
        self.lines = [line for line in lines if line][: most + 1]

    def sample(self) -> Sample:
        """The rows as columns of texts."""
        if self.batch is not None:
            return Sample("parquet", _columns(_rows(self.batch, self.url)))
        if self.registry is not None:
            return Sample("jsonl", _columns(_registered(self.lines, self.registry)))
        if self.lines[0].lstrip().startswith(b"{"):
            rows = []
            for line in self.lines:
                try:
                    row = load_json(line)
                except (ValueError, RecursionError):
                    continue
                rows += [row] if isinstance(row, dict) else []
            return Sample("jsonl", _columns(rows))
        texts = [line.decode("utf-8", "replace") for line in self.lines]
        delimiter = guess_delimiter(texts)
        names = split_line(texts[0], delimiter, 0)
        header = not self.topic and not any(whole_number(cell) is not None for cell in names)
        if not header:
            names = [f"column_{at}" for at in range(1, len(names) + 1)]
        cells = [split_line(text, delimiter, len(names)) for text in texts[header:]]
        cells = [row for row in cells if len(row) == len(names)]
        columns: dict[str, list[str | None]] = {
            name.strip(): [row[at] for row in cells] for at, name in enumerate(names)
        }
        return Sample("csv", columns, delimiter, header)

    def read(self, schema: Schema) -> tuple[ParsedRows, list[tuple[str, str]]]:
        """The events as a schema has them, and the reasons of malformed rows.

        The first row of a reason has a detail.

        Raises:
            SourceError: the schema does not fit.
        """
        if self.batch is not None:
            check_columns(self.batch.schema, schema, self.url)
            columns, parsed = parse_batch(self.batch, schema)
            taken = {
                name: python_values(column.take(pa.array(parsed.malformed.row)))
                for name, column in columns.items()
            }
            values = [
                dict(zip(taken, row, strict=True)) for row in zip(*taken.values(), strict=True)
            ]
            return parsed, _explained(parsed, lambda why, at: explain(why, values[at], schema))
        if self.topic:
            schema = replace(schema, registry=self.registry)
            parsed = parse_schema_values(self.lines, schema)
            came = [self.lines[row] for row in parsed.malformed.row.tolist()]
            return parsed, _explained(
                parsed, lambda why, at: explain_malformed(why, _text(came[at]), came[at], schema)
            )
        lines = lines_of(schema, self.lines[0], self.url)
        skip = int(schema.header and not self.lines[0].lstrip().startswith(b"{"))
        parsed = lines.parse(b"\n".join(self.lines[skip:]))
        came = [self.lines[skip + row] for row in parsed.malformed.row.tolist()]
        return parsed, _explained(
            parsed, lambda why, at: explain(why, lines.values(_text(came[at])), schema)
        )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _explained(parsed: ParsedRows, explain: Callable[[str, int], str]) -> list[tuple[str, str]]:
    """The reasons of the malformed rows, of each reason's first row with its detail."""
    found, seen = [], set()
    for at, reason in enumerate(parsed.malformed.reasons()):
        found.append((reason, "" if reason in seen else explain(reason, at)))
        seen.add(reason)
    return found


def _registered(values: Sequence[bytes], registry: str) -> list[dict[str, Any]]:
    """The records of values of Avro or Protobuf; those that are none are left out.

    Raises:
        SourceError: the registry does not answer, or none of the values is a record.
    """
    from sources.registry.client import registry_at

    client, rows, why = registry_at(registry), [], ""
    for value in values:
        try:
            rows.append(decode_one(value, client, None))
        except UndecodedError as error:
            why = why or str(error)
    if not rows:
        raise SourceError(f"none of the values can be read: {why}")
    return rows


def _first_batch(stream: IO[bytes], path: str, most: int) -> Any:
    """The first rows of a Parquet file; None if it has none."""
    file = pq.ParquetFile(stream)
    groups: list[int] = []
    rows = 0
    while rows < most and len(groups) < file.num_row_groups:
        rows += file.metadata.row_group(len(groups)).num_rows
        groups.append(len(groups))
    safe = safe_batch_rows(stream, path, file.metadata, groups, file.schema_arrow.names)
    return next(file.iter_batches(min(most, safe or most), groups), None)


def _rows(batch: Any, url: str) -> list[dict[str, Any]]:
    """The rows of Parquet as objects.

    Raises:
        SourceError: a time within an object is none of Python's years, or of an unknown zone.
    """
    try:
        columns = [python_values(column) for column in batch.columns]
    except (OverflowError, ValueError, LookupError) as error:
        raise SourceError(
            f"{url} has times that cannot be shown ({error}): write a schema, and use it without "
            "this command"
        ) from error
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[str | None]]:
    """Objects as columns of texts, by their paths."""
    paths: dict[str, None] = {}
    flat: list[dict[str, str | None]] = []
    for row in rows:
        cells: dict[str, str | None] = {}
        _flatten(row, "", cells)
        flat.append(cells)
        for path in cells:
            if len(paths) == _PATHS:
                break
            paths[path] = None
    return {path: [cells.get(path) for cells in flat] for path in paths}


def _flatten(value: Any, path: str, into: dict[str, str | None], depth: int = 0) -> None:
    if depth > _DEPTH:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(inner, f"{path}.{name}" if path else str(name), into, depth + 1)
    elif isinstance(value, list):
        if value and isinstance(value[0], dict):
            _flatten(value[0], f"{path}[]", into, depth + 1)
    else:
        into[path] = None if value is None else str(value)


def topic_values(url: str, most: int) -> list[bytes]:
    """The newest values of a topic.

    Raises:
        SourceError: no broker answers, or there is no such topic.
    """
    from kafka import TopicPartition
    from kafka.errors import KafkaError

    from sources.kafka.consumers import ANSWER_MS, close_quietly, connect
    from sources.kafka.errors import describe
    from sources.kafka.url import parse_url

    parsed = parse_url(url)
    try:
        consumer = connect(parsed)
    except KafkaError as error:
        raise SourceError(f"{parsed}: {describe(error)}") from error
    try:
        numbers = consumer.partitions_for_topic(parsed.topic) or ()
        if not numbers:
            raise SourceError(f"{parsed}: there is no such topic")
        where = [TopicPartition(parsed.topic, number) for number in sorted(numbers)]
        begins = consumer.beginning_offsets(where, ANSWER_MS)
        ends = consumer.end_offsets(where, ANSWER_MS)
        consumer.assign(where)
        for each in where:
            consumer.seek(each, max(begins[each], ends[each] - most // len(where) - 1))
        values: list[bytes] = []
        until = time.monotonic() + _WAIT
        while time.monotonic() < until and any(
            (consumer.position(each, ANSWER_MS) or 0) < ends[each] for each in where
        ):
            for records in consumer.poll(200).values():
                values += [record.value for record in records if record.value]
        return values[:most]
    except KafkaError as error:
        raise SourceError(f"{parsed}: {describe(error)}") from error
    finally:
        close_quietly(consumer)

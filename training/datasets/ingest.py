"""Reads event files and side tables into DuckDB.

DuckDB reads, casts and spills to disk, so that the files may be larger than memory. A line means
what it means to the pipelines' file source (`sources.parsing`): the lines that hold quotes are
split by that package's own code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from sinks.records import EVENT_ID, PLAIN, RecordColumns
from sources.parsing.compact_dates import FIRST, LAST
from sources.parsing.layout import split_fields
from training.datasets.categories import category_sql, create_category_tables
from training.datasets.raw_files import (
    COLUMNS,
    EVENT,
    FEATURES,
    ITEM_FEATURES,
    TIANCHI,
    USER_FEATURES,
    RawFile,
    own_names,
)
from training.datasets.text_files import copy_without_long_lines, scan
from transforms.messages.events import BEHAVIORS, TIME_LIMIT
from transforms.messages.id_kinds import TEXT, IdKinds

UNKNOWN = -1
"""Value of a side feature that is not known; of a category it is NULL."""

NO_FEATURES = ", ".join(
    f"{'NULL' if name == 'category' else UNKNOWN} AS {name}" for name in FEATURES
)
"""SQL of the side features of events that have none."""

BLANKS = "' ' || chr(9)"
"""SQL of the characters that may surround a field."""
QUOTED_LINES = 100_000
"""Lines with quotes that are split at a time."""


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """What was read of event files.

    Attributes:
        rows: lines or rows.
        malformed: those that are no event.
        wrong: malformed ones by what is wrong with them, such as "no valid time"; one may be
            wrong in several ways.
        ignored: lines that a schema leaves out; they are among the rows.
    """

    rows: int
    malformed: int
    wrong: dict[str, int]
    ignored: int = 0

    def plus(self, other: ReadCounts) -> ReadCounts:
        """The counts of two inputs together."""
        wrong = Counter(self.wrong) + Counter(other.wrong)
        return ReadCounts(
            self.rows + other.rows,
            self.malformed + other.malformed,
            dict(wrong),
            self.ignored + other.ignored,
        )


def read_events(
    database: duckdb.DuckDBPyConnection,
    files: Sequence[RawFile],
    scratch: Path,
    max_line: int,
    kinds: RecordColumns = PLAIN,
) -> ReadCounts:
    """Fills the table `raw` (the columns COLUMNS) with the well-formed events of some files.

    Tianchi's users and items become the tables `side_user` and `side_item`, one row an id.
    Feedback logs are left out.

    Args:
        database: an open DuckDB.
        files: what `find_files` returned.
        scratch: folder for temporary files.
        max_line: bytes of a line of a text file, at most.
        kinds: what the table's events have; those of event files have integers alone.

    Raises:
        RawLogError: a file cannot be read to its end.
    """
    create_tables(database, kinds)
    too_long = 0
    for file in files:
        if file.kind == "events" and file.parquet:
            _read_event_file(database, file, quotes=False, max_line=max_line)
        elif file.kind == "events":
            found = scan(file.path, max_line)
            readable = file
            if found.too_long:
                readable = replace(file, path=scratch / "lines.csv")
                copy_without_long_lines(file.path, readable.path, max_line)
                too_long += found.too_long
            _read_event_file(database, readable, quotes=found.quotes, max_line=max_line)
        elif file.kind in TIANCHI:
            scan(file.path, max_line)
            _read_side_file(database, file, max_line)
    refused = _refused_lines(database)
    rows = count_rows(database, "raw") + refused + too_long
    wrong = {
        "a wrong number of fields, or not UTF-8": refused,
        f"more than {max_line:,} bytes (--max_line)": too_long,
    } | {f"no valid {name}": count_rows(database, f"raw WHERE {name} IS NULL") for name in EVENT}
    bad = " OR ".join(f"{name} IS NULL" for name in EVENT)
    database.execute(f"DELETE FROM raw WHERE {bad}")  # noqa: S608 (our own names)
    return ReadCounts(rows, rows - count_rows(database, "raw"), wrong)


def create_tables(database: duckdb.DuckDBPyConnection, kinds: RecordColumns = PLAIN) -> None:
    """Makes the empty tables `raw`, `side_user`, `side_item` and those of categories."""
    columns = (*COLUMNS, EVENT_ID) if kinds.event_id else COLUMNS
    database.execute(f"CREATE TABLE raw ({_typed(columns, kinds.ids)})")
    create_category_tables(database, "VARCHAR" if kinds.ids.item == TEXT else "BIGINT")
    for kind, features in (("user", USER_FEATURES), ("item", ITEM_FEATURES)):
        database.execute(f"CREATE TABLE side_{kind} ({_typed((kind, *features), kinds.ids)})")


def count_rows(database: duckdb.DuckDBPyConnection, table: str) -> int:
    """The number of rows of one of our own tables, which may have a WHERE."""
    ((rows,),) = database.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608
    return int(rows)


def _typed(columns: Sequence[str], ids: IdKinds) -> str:
    texts = {"label", "category"} | {
        part for part in ("user", "item") if getattr(ids, part) == TEXT
    }
    return ", ".join(f"{name} {'VARCHAR' if name in texts else 'BIGINT'}" for name in columns)


def _source(file: RawFile, refused: str, max_line: int) -> tuple[str, list[object]]:
    """A SQL expression that reads a file, all of its columns as text, and its parameters."""
    if file.parquet:
        return "read_parquet(?)", [str(file.path)]
    columns = dict.fromkeys(_cells(file), "VARCHAR")
    # DuckDB's quotes may span lines, so that one stray quote would hide the lines after it. No
    # character is a quote here; `_read_quoted_lines` reads the lines that hold one.
    return (
        "read_csv(?, auto_detect=false, delim=',', escape='', quote='', header=?, columns=?,"
        " max_line_size=?, store_rejects=true, rejects_table=?, rejects_scan=?)",
        [str(file.path), file.header, columns, max_line + 2, refused, f"{refused}_scans"],
    )


def _cells(file: RawFile) -> list[str]:
    """A CSV file's columns, each with a name."""
    return [name or f"unused_{at}" for at, name in enumerate(file.columns)]


def _read_event_file(
    database: duckdb.DuckDBPyConnection, file: RawFile, *, quotes: bool, max_line: int
) -> None:
    own = own_names(file.columns) if file.parquet else file.columns
    names = {mine: theirs for mine, theirs in zip(own, file.columns, strict=True) if mine}
    select = ", ".join(f"{_value(name, names.get(name))} AS {name}" for name in COLUMNS)
    source, parameters = _source(file, "refused_lines", max_line)
    if quotes:
        database.execute(f"CREATE TEMP TABLE cells AS FROM {source}", parameters)
        _read_quoted_lines(database, file)
        source, parameters = "cells", []
    database.execute(f"INSERT INTO raw SELECT {select} FROM {source}", parameters)  # noqa: S608
    database.execute("DROP TABLE IF EXISTS cells")


def _read_quoted_lines(database: duckdb.DuckDBPyConnection, file: RawFile) -> None:
    """Splits the lines that hold quotes: those in `cells`, and those that DuckDB refused.

    Each becomes a row of `cells`; one with too few or too many fields becomes an empty row.
    """
    cells = _cells(file)
    line = "concat_ws(',', " + ", ".join(f"coalesce({cell}, '')" for cell in cells) + ")"
    quoted = " OR ".join(f"contains({cell}, '\"')" for cell in cells)
    execute = database.execute
    execute(
        "CREATE TEMP TABLE quoted_refused AS SELECT scan_id, line, any_value(csv_line) AS text "
        "FROM refused_lines GROUP BY ALL HAVING contains(text, '\"') "
        "AND bool_and(error_type <> 'INVALID ENCODING')"
    )
    execute(
        f"CREATE TABLE quoted AS SELECT {line} AS text FROM cells WHERE {quoted} "  # noqa: S608
        "UNION ALL SELECT text FROM quoted_refused"
    )
    execute(f"DELETE FROM cells WHERE {quoted}")  # noqa: S608
    execute(
        "DELETE FROM refused_lines "
        "WHERE (scan_id, line) IN (SELECT (scan_id, line) FROM quoted_refused)"
    )
    lines = database.cursor().execute("SELECT text FROM quoted")
    while chunk := lines.fetchmany(QUOTED_LINES):
        split = (split_fields(text) for (text,) in chunk)
        rows = [row if len(row) == len(cells) else [None] * len(cells) for row in split]
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        database.register("split_lines", pa.table(columns, names=cells))
        execute("INSERT INTO cells FROM split_lines")
        database.unregister("split_lines")
    for table in ("quoted", "quoted_refused"):
        execute(f"DROP TABLE {table}")


def _value(name: str, column: str | None) -> str:
    """The SQL that makes the column `name` from the file's `column`; NULL is malformed."""
    if column is None:
        return {"label": "'pv'", "category": "NULL"}.get(name, str(UNKNOWN))
    quoted = '"' + column.replace('"', '""') + '"'
    if name == "label":
        known = ", ".join(f"'{behavior}'" for behavior in BEHAVIORS)
        trimmed = f"trim({quoted}, {BLANKS})"
        return f"CASE WHEN {trimmed} IN ({known}) THEN {trimmed} END"
    if name == "category":
        return category_sql(quoted)
    # DuckDB accepts "1.5", "1e3" and "0x1F" as integers; `sources.parsing` accepts digits only.
    number = (
        f"CASE WHEN regexp_full_match({quoted}::VARCHAR, '[ \\t]*-?[0-9]+[ \\t]*') "
        f"THEN TRY_CAST(trim({quoted}::VARCHAR, {BLANKS}) AS BIGINT) END"
    )
    if name in FEATURES:
        return f"coalesce({number}, {UNKNOWN})"
    if name == "time":
        return (
            f"CASE WHEN ({number}) BETWEEN 0 AND {TIME_LIMIT - 1} "
            f"AND NOT ({_is_date(number)}) THEN {number} END"
        )
    return number


def _is_date(number: str) -> str:
    """The SQL of `sources.parsing.compact_dates.are_dates`."""
    return (
        f"({number}) BETWEEN {FIRST} AND {LAST} AND ({number}) // 100 % 100 BETWEEN 1 AND 12 "
        f"AND ({number}) % 100 BETWEEN 1 AND 31"
    )


def _read_side_file(database: duckdb.DuckDBPyConnection, file: RawFile, max_line: int) -> None:
    names = TIANCHI[file.kind]
    source, parameters = _source(file, "refused_side_lines", max_line)
    # An id that occurs twice keeps its largest values: the result does not depend on the order.
    values = ", ".join(f"max({_value(name, name)})" for name in names[1:])
    database.execute(
        f"INSERT INTO side_{file.kind} SELECT TRY_CAST({names[0]} AS BIGINT) AS id, {values} "  # noqa: S608
        f"FROM {source} GROUP BY id HAVING id IS NOT NULL",
        parameters,
    )


def _refused_lines(database: duckdb.DuckDBPyConnection) -> int:
    """How many lines of event files DuckDB refused: too few or many columns, not UTF-8."""
    if not database.execute("FROM duckdb_tables() WHERE table_name = 'refused_lines'").fetchall():
        return 0
    ((lines,),) = database.execute(
        "SELECT count(DISTINCT (scan_id, line)) FROM refused_lines"
    ).fetchall()
    return int(lines)

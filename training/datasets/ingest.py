"""Raw logs of any of the known kinds, read into one DuckDB table of events.

Kinds: an event file (spec section 1: CSV with a header, headerless CSV with named columns,
the same gzipped, Parquet), Tianchi's three headerless files (`user.csv`, `item.csv`,
`user_behavior.csv`) and the feedback log (see `training.datasets.feedback_log`). DuckDB reads,
casts and
spills to disk, so that the logs may be larger than memory.
"""

from __future__ import annotations

import csv
import glob
import gzip
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sources.parsing.layout import is_header, positions, split_fields
from transforms.messages.events import BEHAVIORS, TIME_LIMIT

USER_FEATURES = ("sex", "age", "pur_power")
ITEM_FEATURES = ("category", "shop", "brand")
FEATURES = USER_FEATURES + ITEM_FEATURES
EVENT = ("user", "item", "label", "time")
COLUMNS = EVENT + FEATURES
"""The columns of `events.parquet` and `tianchi.csv`, in their order."""

UNKNOWN = -1
"""Value of a side feature that the logs do not have."""

TIANCHI = {
    "user": ("user", *USER_FEATURES),
    "item": ("item", *ITEM_FEATURES),
    "user_behavior": ("user", "item", "behavior", "time"),
}
"""Tianchi's headerless files by their name, with their columns."""

REQUIRED = ("user", "item", "time")
BLANKS = "' ' || chr(9)"
"""SQL: what may stand around a field."""
QUOTED_LINES = 100_000


class RawLogError(ValueError):
    """A path is no log that can be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """One input file and what is known of it.

    Attributes:
        path: where it is.
        kind: `events`, `user`, `item` (Tianchi's side tables) or `feedback`.
        columns: names of its columns in their order, synonyms resolved; "" is an unused one.
        header: whether its first line is a header (CSV).
        parquet: whether it is a Parquet file.
    """

    path: Path
    kind: str
    columns: tuple[str, ...]
    header: bool = False
    parquet: bool = False


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """How many rows of events were read, and how many of them are malformed."""

    rows: int
    malformed: int


def find_files(inputs: list[str], columns: tuple[str, ...] = ()) -> list[RawFile]:
    """The files that `inputs` (paths, folders, globs) mean, each with its kind.

    Args:
        inputs: as the command line gives them.
        columns: names for the columns of headerless event files; empty where none were given.

    Raises:
        RawLogError: a path means no file, or a file is of no known kind.
    """
    paths: list[Path] = []
    for text in inputs:
        place = Path(text)
        found = sorted(place.iterdir()) if place.is_dir() else sorted(map(Path, glob.glob(text)))  # noqa: PTH207
        files = [path for path in found if path.is_file() and not path.name.startswith(".")]
        if not files:
            raise RawLogError(f"--input {text}: there is no such file")
        paths += files
    return [_identify(path, columns) for path in dict.fromkeys(paths)]


def _identify(path: Path, columns: tuple[str, ...]) -> RawFile:
    try:
        if path.name.endswith((".parquet", ".pq")):
            return _identify_parquet(path)
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            first = tuple(next(csv.reader(lines), ()))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
        raise RawLogError(f"{path}: cannot be read: {error}") from error
    if not first:
        raise RawLogError(f"{path}: is empty")
    stem = path.name.split(".")[0]
    # A header names its columns; a first line with numbers in it is data.
    if columns and stem not in TIANCHI and not is_header(",".join(first).encode()):
        return _events(path, columns, header=False)
    if any(cell.strip().lstrip("-").isdigit() for cell in first):
        if stem not in TIANCHI:
            raise RawLogError(
                f"{path}: has no header: name its columns with --columns, "
                "for example --columns user,item,category,behavior,time"
            )
        if len(first) != len(TIANCHI[stem]):
            raise RawLogError(
                f"{path}: has {len(first)} columns where Tianchi's file of that name "
                f"has {','.join(TIANCHI[stem])}"
            )
        kind = stem if stem in ("user", "item") else "events"
        return RawFile(path, kind, _own_names(TIANCHI[stem]))
    return _events(path, first, header=True)


def _identify_parquet(path: Path) -> RawFile:
    names = tuple(pq.read_schema(path).names)
    if {"user", "time", "history", "items", "rewards"} <= set(names):
        return RawFile(path, "feedback", names, parquet=True)
    return _events(path, names, header=True, parquet=True)


def _own_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names as `events.parquet` has them; other columns are unused ("")."""
    own = [name.strip().lower() for name in names]
    own = [name if name in FEATURES else "" for name in own]
    for part, at in positions(names).items():
        own[at] = "label" if part == "behavior" else part
    return tuple(own)


def _events(path: Path, names: tuple[str, ...], *, header: bool, parquet: bool = False) -> RawFile:
    columns = _own_names(names)
    named = [name for name in columns if name]
    if len(named) != len(set(named)):
        raise RawLogError(f"{path}: two columns of one name among {','.join(names)}")
    for name in REQUIRED:
        if name not in columns:
            raise RawLogError(f"{path}: no column {name!r} among {','.join(names)}")
    return RawFile(path, "events", names if parquet else columns, header, parquet)


def read_events(database: duckdb.DuckDBPyConnection, files: list[RawFile]) -> ReadCounts:
    """Fill the table `raw` (the columns COLUMNS) with the well-formed events of `files`.

    Feedback logs are left out; side tables (Tianchi's users and items) become the tables
    `side_user` and `side_item`, one row an id.

    Args:
        database: an open DuckDB.
        files: what `find_files` gave.

    Returns:
        How many rows there were, and how many of them were malformed.
    """
    database.execute(f"CREATE TABLE raw ({_typed(COLUMNS)})")
    for kind, features in (("user", USER_FEATURES), ("item", ITEM_FEATURES)):
        database.execute(f"CREATE TABLE side_{kind} ({_typed((kind, *features))})")
    for file in files:
        if file.kind == "events":
            _read_event_file(database, file)
        elif file.kind in TIANCHI:
            _read_side_file(database, file)
    refused = _refused_lines(database)
    rows = count_rows(database, "raw") + refused
    bad = " OR ".join(f"{name} IS NULL" for name in EVENT)
    database.execute(f"DELETE FROM raw WHERE {bad}")  # noqa: S608 (our own names)
    return ReadCounts(rows, rows - count_rows(database, "raw"))


def _typed(columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {'VARCHAR' if name == 'label' else 'BIGINT'}" for name in columns)


def _scan(file: RawFile, refused: str) -> tuple[str, list[object]]:
    """A SQL expression that reads the file, all of its columns as text, and its parameters."""
    if file.parquet:
        return "read_parquet(?)", [str(file.path)]
    columns = dict.fromkeys(_cells(file), "VARCHAR")
    # A stray quote must not swallow the lines after it: quotes are for `_read_quoted_lines`.
    return (
        "read_csv(?, auto_detect=false, delim=',', escape='', quote='', header=?, columns=?,"
        " store_rejects=true, rejects_table=?, rejects_scan=?)",
        [str(file.path), file.header, columns, refused, f"{refused}_scans"],
    )


def _cells(file: RawFile) -> list[str]:
    """A CSV file's columns, each with a name."""
    return [name or f"unused_{at}" for at, name in enumerate(file.columns)]


def _read_event_file(database: duckdb.DuckDBPyConnection, file: RawFile) -> None:
    own = _own_names(file.columns) if file.parquet else file.columns
    names = {mine: raw for mine, raw in zip(own, file.columns, strict=True) if mine}
    select = ", ".join(f"{_value(name, names.get(name))} AS {name}" for name in COLUMNS)
    source, parameters = _scan(file, "refused_lines")
    if not file.parquet and _has_quotes(file.path):
        database.execute(f"CREATE TEMP TABLE cells AS FROM {source}", parameters)
        _read_quoted_lines(database, file)
        source, parameters = "cells", []
    database.execute(f"INSERT INTO raw SELECT {select} FROM {source}", parameters)  # noqa: S608
    database.execute("DROP TABLE IF EXISTS cells")


def _has_quotes(path: Path) -> bool:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 20), b""))


def _read_quoted_lines(database: duckdb.DuckDBPyConnection, file: RawFile) -> None:
    """Split the lines that hold quotes as the sources do: those in `cells`, and those refused.

    Each of them becomes a row of `cells`, an empty one where its fields are too few or too many.
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
        database.register("fresh", pa.table(columns, names=cells))
        execute("INSERT INTO cells FROM fresh")
        database.unregister("fresh")
    for table in ("quoted", "quoted_refused"):
        execute(f"DROP TABLE {table}")


def _value(name: str, column: str | None) -> str:
    """The SQL that makes the column `name` out of the file's `column`; NULL is malformed."""
    if column is None:
        return "'pv'" if name == "label" else str(UNKNOWN)
    quoted = '"' + column.replace('"', '""') + '"'
    if name == "label":
        known = ", ".join(f"'{behavior}'" for behavior in BEHAVIORS)
        trimmed = f"trim({quoted}, {BLANKS})"
        return f"CASE WHEN {trimmed} IN ({known}) THEN {trimmed} END"
    # DuckDB would take "1.5", "1e3" and "0x1F"; a line's numbers are whole ones
    # (sources.parsing.lines).
    number = (
        f"CASE WHEN regexp_full_match({quoted}::VARCHAR, '[ \\t]*-?[0-9]+[ \\t]*') "
        f"THEN TRY_CAST(trim({quoted}::VARCHAR, {BLANKS}) AS BIGINT) END"
    )
    if name in FEATURES:
        return f"coalesce({number}, {UNKNOWN})"
    if name == "time":
        return f"CASE WHEN ({number}) BETWEEN 0 AND {TIME_LIMIT - 1} THEN {number} END"
    return number


def _read_side_file(database: duckdb.DuckDBPyConnection, file: RawFile) -> None:
    names = TIANCHI[file.kind]
    source, parameters = _scan(file, "refused_side_lines")
    # An id that stands there twice keeps the larger values: one row an id, in any order of rows.
    values = ", ".join(f"max({_value(name, name)})" for name in names[1:])
    database.execute(
        f"INSERT INTO side_{file.kind} SELECT TRY_CAST({names[0]} AS BIGINT) AS id, {values} "  # noqa: S608
        f"FROM {source} GROUP BY id HAVING id IS NOT NULL",
        parameters,
    )


def count_rows(database: duckdb.DuckDBPyConnection, table: str) -> int:
    """The number of rows of one of our own tables."""
    ((rows,),) = database.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608
    return int(rows)


def _refused_lines(database: duckdb.DuckDBPyConnection) -> int:
    """How many lines of event files DuckDB refused: too few or many columns, not UTF-8."""
    if not database.execute("FROM duckdb_tables() WHERE table_name = 'refused_lines'").fetchall():
        return 0
    ((lines,),) = database.execute(
        "SELECT count(DISTINCT (scan_id, line)) FROM refused_lines"
    ).fetchall()
    return int(lines)

"""Compares the tables of a stream with those of a batch run over the same file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipelines import recommend

TABLES = {"record": "time", "top": "window_end", "recommendation": "time"}
"""The compared tables, with their column of event time."""
QUIET_S, STALLED_S = 30.0, 300.0
"""The stream is complete when it has all records and no table has grown for QUIET_S. A stream whose
tables have not grown for STALLED_S is compared as it is."""


@dataclass(frozen=True)
class Comparison:
    """The differences of one table.

    Attributes:
        table: the table's name.
        rows: rows of the stream.
        lost: rows of the batch run that the stream does not have.
        wrong: rows of the stream that the batch run does not have.
    """

    table: str
    rows: int
    lost: int
    wrong: int


def run_batch(stream: Path, folder: Path) -> str:
    """Runs the main job over a file.

    Args:
        stream: the file.
        folder: folder of the SQLite store and the dead letters.

    Returns:
        The store's URL.

    Raises:
        RuntimeError: the job failed.
    """
    url = f"sqlite:///{folder / 'batch.db'}"
    outputs = [f"--{name}_sink={url}" for name in ("record", "popular", "recommendation")]
    dead_letters = f"--dead_letters={folder / 'batch-dead.jsonl'}"
    if recommend.main([f"--input={stream}", *outputs, dead_letters]):
        raise RuntimeError("the batch run failed")
    return url


def compare(stream_url: str, batch_url: str) -> list[Comparison]:
    """Compares the stores of a stream and of a batch run.

    Waits until the stream has processed its input. Records are compared completely. Rankings and
    lists are compared before the last time of the stream, whose rows may be incomplete.

    Args:
        stream_url: SQL store of the stream.
        batch_url: SQL store of the batch run.
    """
    expected = {table: _rows(batch_url, table) for table in TABLES}
    _wait_until_complete(
        lambda: [_count(stream_url, table) for table in TABLES], len(expected["record"])
    )
    found = []
    for table, column in TABLES.items():
        got, wanted = _rows(stream_url, table), expected[table]
        if table != "record":
            last = max((row[column] for row in got.values()), default=0)
            got = {key: row for key, row in got.items() if row[column] < last}
            wanted = {key: row for key, row in wanted.items() if row[column] < last}
        lost, wrong = len(wanted.keys() - got.keys()), len(got.keys() - wanted.keys())
        found.append(Comparison(table, len(got), lost, wrong))
    return found


def _rows(url: str, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """A table's rows by their values."""
    rows = _select(url, "*", table)
    return {tuple(row): dict(row._mapping) for row in rows}  # noqa: SLF001


def _count(url: str, table: str) -> int:
    """Rows of a table."""
    return int(_select(url, "COUNT(*)", table)[0][0])


def _select(url: str, what: str, table: str) -> Sequence[sa.Row[Any]]:
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(f"SELECT {what} FROM {table}").all()  # noqa: S608
    finally:
        engine.dispose()


def _wait_until_complete(sizes: Callable[[], list[int]], records: int) -> None:
    """Waits until the first table has its rows and none grows, or until all have stalled."""
    changed, last = time.monotonic(), sizes()
    while (quiet := time.monotonic() - changed) < STALLED_S:
        if quiet >= QUIET_S and last[0] >= records:
            return
        time.sleep(2)
        now = sizes()
        if now != last:
            last, changed = now, time.monotonic()

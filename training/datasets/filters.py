"""Leaves out events by how many a user or an item has, and counts what each filter costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from training.datasets.dataset_sql import quoted_path
from training.datasets.options import EventFilters, UserSample


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a filter leaves out.

    Attributes:
        filter: the options, as on the command line.
        events: different events.
        users: users without an event that is left.
        items: items without an event that is left.
    """

    filter: str
    events: int
    users: int
    items: int


def apply_filters(
    database: duckdb.DuckDBPyConnection, filters: EventFilters, sample: UserSample
) -> list[LeftOut]:
    """Removes events from the table `events`; makes the table `kept` of the users that are left.

    Items come first, then users, then the sample. Each filter counts the events that the ones
    before it left, once: afterwards an item may have fewer than --min_item_events.

    Args:
        database: with the table `events`.
        filters: by numbers of events.
        sample: of users.

    Returns:
        The filters that are given, in their order.
    """
    steps: list[tuple[str, str, list[object]]] = [
        (
            f"--{name} {value}",
            f"{part} IN (SELECT {part} FROM events GROUP BY {part} HAVING count(*) {sign} ?)",  # noqa: S608
            [value],
        )
        for name, value, part, sign in (
            ("min_item_events", filters.min_item_events, "item", "<"),
            ("min_user_events", filters.min_user_events, "user", "<"),
            ("max_user_events", filters.max_user_events, "user", ">"),
        )
        if value is not None
    ]
    if sample.sample_users:
        # A seeded hash orders the users: the sample is equal on every machine.
        group = (
            "(SELECT user FROM (SELECT user, count(*) AS n FROM events GROUP BY user) "
            "WHERE n BETWEEN ? AND ? ORDER BY md5(concat(?, ':', user)), user LIMIT ?)"
        )
        short = [sample.short_min, sample.short_max, sample.seed, sample.short_users]
        long = [sample.long_min, sample.long_max, sample.seed, sample.long_users]
        rule = f"user NOT IN (SELECT user FROM ({group} UNION ALL {group}))"  # noqa: S608
        steps.append(("--sample_users", rule, [*short, *long]))
    costs = []
    before = _count(database) if steps else (0, 0, 0)
    for name, rule, values in steps:
        database.execute(f"DELETE FROM events WHERE {rule}", values)  # noqa: S608
        after = _count(database)
        costs.append(LeftOut(name, *(a - b for a, b in zip(before, after, strict=True))))
        before = after
    database.execute("CREATE TABLE kept AS SELECT DISTINCT user FROM events")
    return costs


def count_lists_left_out(database: duckdb.DuckDBPyConnection, lists: Path) -> int:
    """How many recommendations of a feedback log are of users that are not in `kept`."""
    ((rows,),) = database.execute(
        f"SELECT count(*) FROM read_parquet({quoted_path(lists)}) ANTI JOIN kept USING (user)"  # noqa: S608
    ).fetchall()
    return int(rows)


def _count(database: duckdb.DuckDBPyConnection) -> tuple[int, int, int]:
    query = "SELECT count(*), count(DISTINCT user), count(DISTINCT item) FROM events"
    (row,) = database.execute(query).fetchall()
    return row

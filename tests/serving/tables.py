"""SQL stores with the tables of a job, filled by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Table, create_engine

from sinks.sql.schema import METADATA


@dataclass
class Rows:
    """Rows of a store, as tuples in the order of the tables' columns."""

    record: Sequence[tuple[int, int, str, int]] = ()
    top: Sequence[tuple[int, int, int, int]] = ()
    related: Sequence[tuple[str, int, int, str, str]] = ()
    recommendation: Sequence[tuple[int, int, list[int], str, list[float], int]] = ()
    policy_minute: Sequence[tuple[str, int, int, int, float]] = ()
    event_minute: Sequence[tuple[int, int, int, int, int]] = ()
    job_worker: Sequence[tuple[int, str, float, dict[str, int]]] = ()
    job: Sequence[tuple[int, dict[str, int]]] = ()

    def columns(self, table: Table) -> list[dict[str, object]]:
        rows: Sequence[tuple[object, ...]] = {
            "record": self.record,
            "top": self.top,
            "related": self.related,
            "recommendation": self.recommendation,
            "policy_minute": self.policy_minute,
            "event_minute": self.event_minute,
            "job_worker": self.job_worker,
            "job": self.job,
        }[table.name]
        names = [column.name for column in table.columns]
        return [dict(zip(names, row, strict=True)) for row in rows]


def fill(url: str, rows: Rows) -> None:
    """Creates the tables in an SQL store and replaces their rows."""
    engine = create_engine(url)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        for table in METADATA.sorted_tables:
            columns = rows.columns(table)
            if columns:
                connection.execute(table.delete())
                connection.execute(table.insert(), columns)
    engine.dispose()


END = 1_511_575_200
"""End of the sample's latest window."""

SETTINGS = {"reward_window": 600, "history_size": 10}
"""Settings of the sample's latest run."""


def sample() -> Rows:
    """Rows of each table: user 1 has a list with outcomes, user 2 an old one."""
    return Rows(
        record=[
            (1, 11, "pv", END - 100),
            (1, 12, "pv", END - 90),
            (1, 21, "pv", END + 5),
            (1, 21, "buy", END + 30),
            (1, 23, "cart", END + 599),
            (1, 24, "pv", END + 600),
            (2, 11, "fav", END - 80),
        ],
        top=[
            (END - 80, 1, 12, 9),
            (END - 80, 2, 11, 7),
            (END, 1, 11, 10),
            (END, 2, 12, 9),
            (END, 3, 13, 4),
        ],
        recommendation=[
            (1, END, [21, 22, 23, 24], "reinforce-1", [1.0, 1.0, 1.0, 1.0], 2),
            (1, END - 60, [31], "popular", [1.0], -1),
            (2, END - 60, [12, 13], "popular", [1.0, 1.0], -1),
        ],
        policy_minute=[
            ("popular", END - 60, 10, 2, 3.0),
            ("reinforce-1", END - 60, 100, 31, 45.0),
            ("reinforce-1", END, 50, 20, 31.5),
        ],
        event_minute=[(END - 120, 90, 5, 4, 1), (END - 60, 80, 6, 3, 2)],
        job_worker=[
            (1_700_000_000_000, "before", 1_700_000_100.0, {"read": 1}),
            (
                1_700_000_200_000,
                "one",
                1_700_000_300.5,
                {
                    "read": 12_000,
                    "closed": 11_990,
                    "malformed": 3,
                    "duplicates": 5,
                    "read_to": END + 7,
                    "closed_to": END,
                    "recommendations": 800,
                },
            ),
            (
                1_700_000_200_000,
                "two",
                1_700_000_300.0,
                {
                    "read": 345,
                    "closed": 340,
                    "late": 7,
                    "read_to": END + 1,
                    "closed_to": END - 20,
                },
            ),
        ],
        job=[(1_700_000_000_000, {"reward_window": 60}), (1_700_000_200_000, SETTINGS)],
    )

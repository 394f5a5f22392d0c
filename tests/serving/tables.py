"""The SQL tables of spec section 6, and the two that the page reads besides, filled by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
)

METADATA = MetaData()
RECORD = Table(
    "record",
    METADATA,
    Column("user", BigInteger, primary_key=True, autoincrement=False),
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    Column("behavior", String(8), primary_key=True),
    Column("time", BigInteger, primary_key=True, autoincrement=False),
)
TOP = Table(
    "top",
    METADATA,
    Column("window_end", BigInteger, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("item", BigInteger),
    Column("count", BigInteger),
)
RECOMMENDATION = Table(
    "recommendation",
    METADATA,
    Column("user", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, primary_key=True, autoincrement=False),
    Column("items", Text),
    Column("policy", String(64)),
    Column("propensities", Text),
    Column("last_reward", Integer),
)
POLICY_MINUTE = Table(
    "policy_minute",
    METADATA,
    Column("policy", String(64), primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("recommendations", BigInteger),
    Column("hits", BigInteger),
    Column("reward", Float),
)
JOB = Table("job", METADATA, Column("name", String(64), primary_key=True), Column("value", Text))


@dataclass
class Rows:
    """What to put into a store, as tuples in the order of the tables' columns."""

    record: Sequence[tuple[int, int, str, int]] = ()
    top: Sequence[tuple[int, int, int, int]] = ()
    recommendation: Sequence[tuple[int, int, list[int], str, list[float], int]] = ()
    policy_minute: Sequence[tuple[str, int, int, int, float]] = ()
    job: dict[str, object] = field(default_factory=dict)

    def columns(self, table: Table) -> list[dict[str, object]]:
        rows: Sequence[tuple[object, ...]] = {
            "record": self.record,
            "top": self.top,
            "recommendation": [
                (user, time, json.dumps(items), policy, json.dumps(chances), last)
                for user, time, items, policy, chances, last in self.recommendation
            ],
            "policy_minute": self.policy_minute,
            "job": [(name, json.dumps(value)) for name, value in self.job.items()],
        }[table.name]
        names = [column.name for column in table.columns]
        return [dict(zip(names, row, strict=True)) for row in rows]


def fill(url: str, rows: Rows) -> None:
    """Makes the tables in an SQL store and fills them, over what is there."""
    engine = create_engine(url)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        for table in METADATA.sorted_tables:
            columns = rows.columns(table)
            if columns:
                connection.execute(table.delete())
                connection.execute(table.insert(), columns)
    _close(engine)


def _close(engine: Engine) -> None:
    engine.dispose()


END = 1_511_575_200
"""End of the sample's latest window."""


def sample() -> Rows:
    """A little of everything: user 1 has a list of which came something, user 2 an old one."""
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
        job={
            "events": 12345,
            "malformed": 3,
            "duplicates": 5,
            "late": 7,
            "watermark": END,
            "events_per_second": 4321.5,
        },
    )

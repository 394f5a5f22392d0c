"""Rows and batches that are larger than the server takes: no outage, however long one waits."""

from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa

from deploy.servers.mysql import MySQL
from sinks import open_source
from sinks.retry import retry_outages
from sinks.sql import packets
from sinks.sql.store import SqlStore
from tests.sinks.frames import recommendations
from transforms.messages.recommendations import Recommendations

pytestmark = pytest.mark.servers

T = 1_500_000_000


@pytest.fixture(params=[1024, 16_384])
def small(request: pytest.FixtureRequest, mysql: MySQL, unique: str) -> Iterator[SqlStore]:
    """A store whose server takes packets of so many bytes."""
    with sa.create_engine(mysql.url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {unique} CHARACTER SET utf8mb4")
        connection.exec_driver_sql(f"SET GLOBAL max_allowed_packet = {request.param}")
    store = open_source(mysql.url.replace("/rivulet", f"/{unique}")).open()
    assert isinstance(store, SqlStore)
    try:
        store.prepare()
        yield store
    finally:
        with sa.create_engine(mysql.url, poolclass=sa.NullPool).begin() as connection:
            connection.exec_driver_sql("SET GLOBAL max_allowed_packet = DEFAULT")
        store.close()


def wide(users: int, wide_user: int, width: int) -> Recommendations:
    """Recommendations of which one user's list is very long."""
    rows = recommendations(*((user, T, [1, 2, 3]) for user in range(users)))
    items = np.zeros((users, width), np.int64)
    items[:, :3] = [1, 2, 3]
    length = rows.length.copy()
    items[wide_user] = np.arange(10**15, 10**15 + width)
    length[wide_user] = width
    return Recommendations(
        rows.user, rows.time, items, length, np.ones((users, width), np.float32), rows.policy,
        rows.last_reward,
    )  # fmt: skip


def users(store: SqlStore) -> list[int]:
    with store.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT `user` FROM recommendation ORDER BY `user`")
        return [row[0] for row in found]


@pytest.mark.parametrize("guess", [True, False], ids=["by size", "by the server's error"])
def test_a_row_that_no_packet_holds_is_refused_alone(
    small: SqlStore, guess: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guess:
        monkeypatch.setattr(packets, "_STATEMENT_BYTES", 0)
    write = retry_outages(small)
    for _ in range(2):
        (refusal,) = write(small.writer(Recommendations), wide(600, 300, 1_000))
        assert (refusal.table, refusal.row["user"]) == ("recommendation", 300)
        assert users(small) == [user for user in range(600) if user != 300]


def test_a_lost_connection_stays_an_outage(small: SqlStore) -> None:
    with small.engine.connect() as connection:
        lost = sa.exc.OperationalError("INSERT", None, Exception(2013, "Lost connection"))
        assert not packets.is_too_large(connection, [(1, 2, "pv", T)], lost)
        assert packets.is_too_large(connection, [(1, 2, "x" * 20_000, T)], lost)
    assert small.is_outage(lost)

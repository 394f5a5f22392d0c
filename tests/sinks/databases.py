"""Databases of SQL servers that nothing else uses, and the quotes of their names."""

import sqlalchemy as sa

from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres


def make_database(server: MySQL | Postgres, name: str) -> str:
    """Creates a database; returns its URL."""
    of_mysql = isinstance(server, MySQL)
    engine = sa.create_engine(server.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        utf8 = " CHARACTER SET utf8mb4" if of_mysql else ""
        connection.exec_driver_sql(f"CREATE DATABASE {name}{utf8}")
    return server.url.replace("/rivulet", f"/{name}")


def quoted(engine: sa.Engine, name: str) -> str:
    """A name that may be a word of the language, such as `user`."""
    return engine.dialect.identifier_preparer.quote_identifier(name)

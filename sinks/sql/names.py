"""Tables with a prefix before their names, for several jobs in one database."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa


@cache
def named(table: sa.Table, prefix: str) -> sa.Table:
    """The table with a prefix before its name; without one, itself."""
    if not prefix:
        return table
    return table.to_metadata(sa.MetaData(), name=f"{prefix}{table.name}")


def column(of: sa.Column[int], prefix: str) -> sa.Column[int]:
    """The same column of the table with a prefix before its name."""
    return named(of.table, prefix).c[of.name]

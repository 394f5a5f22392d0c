"""Checks that existing tables can hold the rows, before any row is written."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from sinks.base import SinkError
from sinks.sql.schema import ID_CHARACTERS, IdText

_INT64_DIGITS = 19
_OTHER = "name another database or a prefix (?prefix=), or remove the table"
_EXACT_COLLATIONS = frozenset(
    {"utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb3_nopad_bin", "binary"}
)
_SINGLE_PRECISION = 24
"""Bits up to which MySQL's FLOAT(p) is a single-precision number."""


def check_tables(name: str, engine: Engine, tables: list[sa.Table]) -> None:
    """Compares existing tables with their definition; extra columns are allowed.

    Args:
        name: the store's URL without secrets.
        engine: the database.
        tables: the definitions; all of these tables exist.

    Raises:
        SinkError: a column is missing or too narrow, a primary key differs, or an extra column
            needs a value. The line names the table and the column.
    """
    inspector = sa.inspect(engine)
    for table in tables:
        found = {column["name"]: column for column in inspector.get_columns(table.name)}
        for column in table.columns:
            problem = _problem(column, found.get(column.name), engine.dialect)
            if problem:
                raise SinkError(f"{name}: column {column.name} of table {table.name} {problem}")
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        wanted = [column.name for column in table.primary_key.columns]
        if set(key) != set(wanted):
            raise SinkError(
                f"{name}: the primary key of table {table.name} is ({', '.join(key)}); "
                f"it must be ({', '.join(wanted)})"
            )
        for extra in found.keys() - {column.name for column in table.columns}:
            if _needs_value(found[extra]):
                raise SinkError(
                    f"{name}: column {extra} of table {table.name} needs a value, and Rivulet has "
                    "none for it: let it be NULL, or give it a default"
                )


def _problem(column: sa.Column[Any], found: Any, dialect: sa.Dialect) -> str | None:
    wanted = column.type.compile(dialect=dialect)
    if found is None:
        return f"is missing; it must be {wanted}"
    if dialect.name == "postgresql" and isinstance(found["type"], sa.Enum):
        # It takes no value of another type, also where it names the value.
        return f"is the enumeration {found['type'].name}; it must be {wanted}"
    if isinstance(column.type, IdText):
        return _problem_of_ids(wanted, found["type"], dialect)
    if dialect.name == "sqlite":
        # SQLite stores a value as it is, but a number as text in a column of text.
        if isinstance(column.type, sa.BigInteger) and isinstance(found["type"], sa.String):
            return f"is {found['type']!s}, for ids that are text; this job's are integers: {_OTHER}"
        return None
    if _holds(column.type, found["type"]):
        return None
    return f"is {found['type']!s}, which cannot hold all values; it must be {wanted}"


def _problem_of_ids(wanted: str, found: Any, dialect: sa.Dialect) -> str | None:
    """What keeps a column from telling ids that are text apart."""
    if not isinstance(found, sa.String):
        return f"is {found!s}, for ids that are integers; this job's are text: {_OTHER}"
    collation = getattr(found, "collation", None)
    if found.length is not None and found.length < ID_CHARACTERS:
        return f"is {found!s}, which cannot hold all ids; it must be {wanted}"
    if dialect.name in ("mysql", "mariadb") and collation not in _EXACT_COLLATIONS:
        return f"has the collation {collation}, which takes some ids for one; it must be {wanted}"
    return None


def _holds(wanted: Any, found: Any) -> bool:
    """Whether a column's type can hold all values of the wanted type."""
    if isinstance(wanted, sa.BigInteger):
        if isinstance(found, sa.BigInteger):
            return True
        is_decimal = isinstance(found, sa.Numeric) and not isinstance(found, sa.Float)
        return is_decimal and (found.precision or 0) - (found.scale or 0) >= _INT64_DIGITS
    if isinstance(wanted, sa.JSON):
        return isinstance(found, sa.JSON) or (isinstance(found, sa.String) and not found.length)
    if isinstance(wanted, sa.Float):
        if not isinstance(found, sa.Float):
            return False
        single = type(found).__name__ in ("FLOAT", "REAL")
        return not single or (found.precision or 0) > _SINGLE_PRECISION
    if isinstance(found, sa.Enum):
        # Values that it does not name are refused, row by row.
        return True
    return isinstance(found, sa.String) and (not found.length or found.length >= wanted.length)


def _needs_value(found: Any) -> bool:
    has_value = found.get("default") is not None or found.get("autoincrement") is True
    has_value = has_value or bool(found.get("computed") or found.get("identity"))
    return not found["nullable"] and not has_value

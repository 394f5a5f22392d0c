"""Categories of items as a side feature of a data set: integers, or texts.

An event's category is that of the catalogue (`--items`), else the event's own, else that of a side
table. Where any is text, all are text; else they are integers. Of too many categories those with
the most items are kept, and the others count as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from sources.schema.schema import Ids, Schema
from transforms.columns.id_names import IdNames
from transforms.columns.names import id_texts
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import TEXT

MAX_BYTES = 256
"""Longest category, in bytes of UTF-8; a longer one is unknown."""

CATEGORY = "of_catalogue.category, events.category, of_schema.category, side_item.category"
"""SQL of an event's categories, the one that counts first."""

JOINS = (
    "LEFT JOIN side_item ON events.item = side_item.item "
    "LEFT JOIN of_catalogue ON events.item = of_catalogue.item "
    "LEFT JOIN of_schema ON events.item = of_schema.item "
)
"""SQL of the tables of `CATEGORY`."""


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of a data set.

    Attributes:
        is_text: whether they are texts.
        count: how many different ones are kept.
        dropped: how many different ones are not.
        items: items of the data set with a category that is kept.
        items_dropped: items whose category is not kept.
    """

    is_text: bool
    count: int
    dropped: int
    items: int
    items_dropped: int


def category_schema(schema: Schema | None) -> Schema | None:
    """The schema that reads an event's category in place of its user; None without categories."""
    if schema is None or schema.fields.category is None:
        return None
    fields = replace(schema.fields, user=schema.fields.category, value=None, event_id=None)
    return replace(schema, fields=fields, ids=Ids(user=TEXT, item=schema.ids.item))


def create_category_tables(database: duckdb.DuckDBPyConnection, item_type: str) -> None:
    """Makes the empty tables `schema_pairs` and `catalogue_pairs`: item, category, in any number.

    Args:
        database: an open DuckDB.
        item_type: the type of items, BIGINT or VARCHAR.
    """
    for name in ("schema_pairs", "catalogue_pairs"):
        database.execute(f"CREATE TABLE {name} (item {item_type}, category VARCHAR)")


def add_of_schema(database: duckdb.DuckDBPyConnection, batch: EventBatch) -> None:
    """Adds what was read by a `category_schema`: the users are the categories."""
    names = batch.names or IdNames()
    item = pa.array(batch.item) if names.item is None else names.item.texts(batch.item)
    _add(database, "schema_pairs", item, id_texts(names.user, batch.user))


def add_of_catalogue(database: duckdb.DuckDBPyConnection, place: str, item_kind: str) -> None:
    """Adds the categories of a catalogue, as it is now.

    Args:
        database: with the table `catalogue_pairs`.
        place: a file, or kafka://HOST:PORT/TOPIC.
        item_kind: the kind of the items' ids.

    Raises:
        SourceError: it cannot be read.
    """
    from training.datasets.catalogue import read_categories

    for ids, category in read_categories(place, text_ids=item_kind == TEXT):
        _add(database, "catalogue_pairs", ids, category)


def _add(
    database: duckdb.DuckDBPyConnection, table: str, item: pa.Array, category: pa.Array
) -> None:
    database.register("pairs", pa.table({"item": item, "category": category}))
    database.execute(
        f"INSERT INTO {table} SELECT DISTINCT item, {category_sql('category')} AS found "  # noqa: S608
        "FROM pairs WHERE found IS NOT NULL"
    ).fetchall()
    database.unregister("pairs")


def category_sql(column: str) -> str:
    """The SQL of a category from a column of any type: text, NULL where there is none.

    Integers become their digits; negative ones stand for an unknown category.
    """
    text = f"trim({column}::VARCHAR, ' ' || chr(9))"
    return (
        f"CASE WHEN regexp_full_match({text}, '[0-9]+') THEN "
        f"coalesce(TRY_CAST({text} AS BIGINT)::VARCHAR, {text}) "
        f"WHEN regexp_full_match({text}, '(-[0-9]+)?') OR strlen({text}) > {MAX_BYTES} THEN NULL "
        f"ELSE {text} END"
    )


def settle_categories(database: duckdb.DuckDBPyConnection, most: int) -> Categories:
    """Makes the tables of `JOINS` and `kept_categories`, and counts.

    Args:
        database: with the tables `events`, `kept`, `side_item` and those of
            `create_category_tables`.
        most: categories to keep, at most: those with the most items.
    """
    for name in ("schema", "catalogue"):
        database.execute(
            f"CREATE TABLE of_{name} AS SELECT item, max(category) AS category "  # noqa: S608
            f"FROM {name}_pairs GROUP BY item"
        )
    database.execute(
        f"CREATE TABLE item_categories AS SELECT DISTINCT events.item, coalesce({CATEGORY}) AS own "  # noqa: S608
        f"FROM events SEMI JOIN kept USING (user) {JOINS} WHERE own IS NOT NULL"
    )
    database.execute(
        "CREATE TABLE kept_categories AS SELECT own FROM item_categories GROUP BY own "
        "ORDER BY count(*) DESC, own LIMIT ?",
        [most],
    )
    query = (
        "SELECT count(DISTINCT own), count(DISTINCT item), "
        "count(*) FILTER (TRY_CAST(own AS BIGINT) IS NULL) FROM item_categories"
    )
    ((every, items, _),) = database.execute(query).fetchall()
    kept = f"{query} SEMI JOIN kept_categories USING (own)"
    ((count, items_kept, texts),) = database.execute(kept).fetchall()
    return Categories(texts > 0, count, every - count, items_kept, items - items_kept)


def feature_sql(found: Categories) -> str:
    """The SQL of the column `category`: int64 with -1 where unknown, or text with '' there."""
    own = f"coalesce({CATEGORY})"
    if found.dropped:
        own = f"CASE WHEN {own} IN (SELECT own FROM kept_categories) THEN {own} END"  # noqa: S608
    return f"coalesce({own}, '')" if found.is_text else f"coalesce(TRY_CAST({own} AS BIGINT), -1)"


def levels_of(categories: list[str]) -> Iterator[list[str]]:
    """The parts of hierarchical texts as further categories, from the top.

    Parts are separated by `.`, `/`, `>` or `|`: `a.b.c` has the levels `a` and `a.b`, and a
    category with fewer parts stands for itself. A level that tells apart all that the categories
    do is left out.

    Args:
        categories: different texts.

    Yields:
        For each of the first levels the text of each category there.
    """
    parts = [_parts(each) for each in categories]
    for depth in range(1, 3):
        level = [".".join(own[:depth]) for own in parts]
        if len(set(level)) < len({".".join(own) for own in parts}):
            yield level


def _parts(category: str) -> list[str]:
    for separator in "/>|":
        category = category.replace(separator, ".")
    return [part.strip() for part in category.split(".") if part.strip()] or [category]

"""Rows of users to forget: `user,time`, read as events are."""

from __future__ import annotations

from sources.schema.schema import Fields, Ids, Schema, TimeFormat

COLUMNS = ("user", "time")

MAX_BYTES = 1 << 30
"""Largest file, in bytes."""

MAX_LINE = 1 << 16
"""The longest line or value, in bytes."""

MAX_ROWS = 4_000_000
"""Most users to forget."""


def schema_of(*, text_users: bool, header: bool) -> Schema:
    """What the fields of a row mean: the user is read in the place of an item, too.

    Args:
        text_users: whether the events' users are texts.
        header: whether CSV has a header that names the columns.
    """
    kind = "text" if text_users else "integer"
    return Schema(
        "forgotten",
        Fields(user="user", item="user", time=("time",)),
        header=header,
        columns=() if header else COLUMNS,
        time=TimeFormat(("s",), is_assumed=True),
        ids=Ids(user=kind, item=kind),
    )

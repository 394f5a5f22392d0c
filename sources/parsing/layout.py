"""Which field of a line is which part of an event."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sources.errors import SourceError

SYNONYMS: dict[str, tuple[str, ...]] = {
    "user": ("user", "user_id"),
    "item": ("item", "item_id"),
    "time": ("time", "timestamp"),
    "behavior": ("behavior", "label"),
}
"""Names that a column may have, the event's own first; case does not matter."""

BEHAVIOR_LIKE = (
    "event", "event_type", "eventtype", "event_name", "eventname", "action", "action_type",
    "actiontype", "behavior_type", "behaviour", "behaviour_type", "interaction",
    "interaction_type",
)  # fmt: skip
"""Names of columns, in lower case, that look like a behavior's."""

EXAMPLE = "--columns user,item,category,behavior,time"


@dataclass(frozen=True)
class Layout:
    """The fields of a line.

    Attributes:
        width: how many fields each line has.
        user, item, time: their positions, from 0.
        behavior: its position, or None where there is none (every event is then `pv`).
    """

    width: int
    user: int
    item: int
    time: int
    behavior: int | None

    @staticmethod
    def of(names: Sequence[str], where: str) -> Layout:
        """The layout of columns with these names; other names are ignored.

        Args:
            names: the columns' names, in order.
            where: what has the names, for the error.

        Raises:
            SourceError: `user`, `item` or `time` is not among them.
        """
        at = positions(names)
        lowered = [name.strip().lower() for name in names]
        unsaid = [name for name in BEHAVIOR_LIKE if name in lowered]
        for column in ("user", "item", "time"):
            if column not in at:
                other = SYNONYMS[column][1]
                listed = ", ".join(name.strip() or "(no name)" for name in names)
                raise SourceError(
                    f"{where} has no column '{column}' (or '{other}'); it has: {listed[:200]}; "
                    "a --schema says which column is what (python -m pipelines.inspect FILE "
                    "proposes one)"
                )
        if unsaid and "behavior" not in at:
            named = names[lowered.index(unsaid[0])].strip()
            raise SourceError(_unsaid(where, named, {part: names[at[part]] for part in at}))
        return Layout(len(names), at["user"], at["item"], at["time"], at.get("behavior"))


def _unsaid(where: str, named: str, parts: Mapping[str, str]) -> str:
    """The refusal of a column that looks like a behavior, with the schema to write."""
    fields = ", ".join(f'{part} = "{name.strip()}"' for part, name in parts.items())
    return (
        f"{where}: the column '{named}' looks like a behavior, and nothing says what its words "
        "mean: all events would be views. Write a file shop.toml with the two lines "
        f'`fields = {{{fields}, behavior = "{named}"}}` and `behaviors = {{WORD = "pv", '
        'WORD = "cart", WORD = "buy", "*" = "ignore"}`, with the column\'s own words, and give '
        "--schema shop.toml"
    )


def positions(names: Sequence[str]) -> dict[str, int]:
    """The place of each part of an event among the names; parts that are missing are left out."""
    lowered = [name.strip().lower() for name in names]
    found = {}
    for part, synonyms in SYNONYMS.items():
        for synonym in synonyms:
            if synonym in lowered:
                found[part] = lowered.index(synonym)
                break
    return found


def split_fields(text: str) -> list[str]:
    """The fields of one line without its end; quotes are read as CSV has them (RFC 4180).

    A quoted field does not extend into the next line.
    """
    if '"' not in text:
        return text.split(",")
    try:
        # The csv module refuses a lone carriage return; no field that we read may hold one.
        return next(csv.reader([text.replace("\r", "\0")]))
    except csv.Error:  # a field beyond the module's limit of 128 KiB
        return text.split(",")


def header_layout(first_line: bytes, path: str) -> Layout:
    """The layout that a file's first line, its header, names.

    Raises:
        SourceError: the line is not a header, or lacks a column.
    """
    try:
        names = split_fields(first_line.decode("utf-8"))
    except UnicodeDecodeError:
        raise SourceError(
            f"{path}: the first line is not UTF-8 text; a CSV file with a header, the same "
            "gzipped, or a Parquet file can be read"
        ) from None
    if not positions(names):
        shown = first_line[:60].decode("utf-8", "replace")
        raise SourceError(
            f"{path}: the first line is not a header ({shown!r}); name the columns, "
            f"for example {EXAMPLE}"
        )
    return Layout.of(names, f"{path}: the header")


def is_header(first_line: bytes) -> bool:
    """Whether the line names all the columns that an event needs."""
    found = positions(split_fields(first_line.decode("utf-8", "replace")))
    return {"user", "item", "time"} <= found.keys()

"""Ids as texts: gives integers names that sort as they do, and turns frames of keys into texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from transforms.columns.frames import Columns, column_names
from transforms.columns.id_names import IdNames
from transforms.columns.names import MAX_BYTES, Names, keys_of
from transforms.messages.events import EventBatch

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
ID_TEXTS = st.one_of(
    st.text(_CHARACTERS, min_size=1, max_size=12),
    st.sampled_from(["x" * MAX_BYTES, "é" * (MAX_BYTES // 2), "a", "a ", " a", "a/b", "0", "-1"]),
)
"""Any text that can be an id."""


def renaming(ids: Sequence[int], texts: Sequence[str]) -> dict[int, str]:
    """A text for each id. Texts compare by their UTF-8 bytes as the ids compare by number."""
    chosen = sorted(texts, key=str.encode)[: len(ids)]
    return dict(zip(sorted(ids), chosen, strict=True))


def with_texts(
    batch: EventBatch, user: dict[int, str] | None, item: dict[int, str] | None
) -> EventBatch:
    """The events with keys and names in place of the integers; None keeps integers."""

    def renamed(ids: Any, texts: dict[int, str] | None) -> tuple[Any, Names | None]:
        if texts is None:
            return ids, None
        found = keys_of(pa.array([texts[one] for one in ids.tolist()], pa.string()))
        return found.key, found.names

    users, user_names = renamed(batch.user, user)
    items, item_names = renamed(batch.item, item)
    names = None if user is None and item is None else IdNames(user_names, item_names)
    return EventBatch(users, items, batch.behavior, batch.time).named(names)


def text_columns(frame: Columns) -> dict[str, Any]:
    """The columns as lists, ids as texts where the frame has names; padding stays 0."""
    names = frame.names or IdNames()
    found = {}
    for name in column_names(type(frame)):  # type: ignore[arg-type]
        column = getattr(frame, name)
        kind = names.user if name in frame.USERS else names.item if name in frame.ITEMS else None
        if kind is None:
            found[name] = column.tolist()
        else:
            texts = dict(zip(kind.key.tolist(), kind.text.to_pylist(), strict=True))
            found[name] = (
                np.vectorize(lambda key, t=texts: t.get(key, 0), otypes=[object])(column).tolist()
                if column.size
                else column.tolist()
            )
    return found


def text_rows(frames: Sequence[Columns]) -> list[tuple[Any, ...]]:
    """The rows of frames as tuples, with texts in place of keys, in a sorted order."""
    rows = [row for frame in frames for row in zip(*text_columns(frame).values(), strict=True)]
    return sorted(rows, key=repr)

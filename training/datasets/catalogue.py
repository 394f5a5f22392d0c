"""Reads the categories of a shop's catalogue (`--items`), as it is now."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sources.catalogue.files import read_items
from sources.catalogue.rows import ItemRows
from transforms.messages.events import Int64s


def read_categories(place: str, *, text_ids: bool) -> Iterator[tuple[pa.Array, pa.Array]]:
    """The items of a catalogue that have a category.

    Args:
        place: a file, or kafka://HOST:PORT/TOPIC.
        text_ids: whether items are texts.

    Yields:
        Items (int64, or texts) and their categories (texts), of the newest row of each item.

    Raises:
        SourceError: it cannot be read.
    """
    blocks = (
        _read_topic(place, text_ids) if "://" in place else [read_items(place, text_ids=text_ids)]
    )
    newest: dict[int, tuple[object, str | None]] = {}
    for rows in blocks:
        texts = rows.details.column("id").to_pylist()
        ids = texts if text_ids else rows.item.tolist()
        order = np.argsort(rows.updated, kind="stable").tolist()
        category = rows.details.column("category").to_pylist()
        newest.update({int(rows.item[row]): (ids[row], category[row]) for row in order})
    found = [each for each in newest.values() if each[1]]
    if found:
        own, category = zip(*found, strict=True)
        yield (
            pa.array(own, pa.string() if text_ids else pa.int64()),
            pa.array(category, pa.string()),
        )


def _read_topic(url: str, text_ids: bool) -> list[ItemRows]:
    from sources.catalogue.follow_topic import TopicCatalogue
    from sources.kafka.url import parse_url

    blocks: list[ItemRows] = []

    def listen(rows: ItemRows, updated: Int64s, gone: Int64s, since: int) -> None:
        del updated, gone, since
        blocks.append(rows)

    TopicCatalogue(parse_url(url), int(time.time()), text_ids).load(listen)
    return blocks

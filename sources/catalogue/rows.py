"""The rows of a catalogue: columns of any source to those of an item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.catalogue.clean import clean
from sources.catalogue.malformed import BYTES, NO_LETTERS, explained, letters_of
from sources.parsing.compact_dates import are_dates
from sources.parsing.fields import whole_numbers
from transforms.catalogue.timeline import ItemFeatures
from transforms.columns.names import hash_texts, is_valid_id, keys_of
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import TIME_LIMIT, Bools, Int64s

SYNONYMS = {
    "item": ("item", "item_id", "itemid", "product_id"),
    "available": ("available", "availability"),
    "updated": ("updated", "updated_at"),
    "category": ("category", "category_id"),
    "title": ("title", "name"),
    "image": ("image", "image_url"),
    "price": ("price",),
    "created": ("created", "created_at"),
}
"""Names that a column may have; case does not matter."""

TEXTS = ("category", "title", "image")

PRICE_LIMIT = 1e15
"""Prices are below it, on both sides of zero: a float64 has 15 to 17 digits."""

YES = ("", "true", "1", "yes", "y", "t", "in stock", "in_stock")
NO = ("false", "0", "no", "n", "f", "out of stock", "out_of_stock")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class ItemRows:
    """Rows of a catalogue.

    Attributes:
        item: int64 [n].
        updated: int64 [n], seconds since the epoch from which on the row counts; -1 where the row
            names none.
        available: bool [n].
        details: `id` (the item's id as text), `category`, `title`, `image` (texts, null where
            missing or `sources.catalogue.clean` leaves them out), `price` (float64, NaN) and
            `created` (int64, -1), each [n].
        place: int64 [n], the row's place among all rows that were read.
        letters: the rows that were left out, because a value is none of its kind.
    """

    item: Int64s
    updated: Int64s
    available: Bools
    details: pa.RecordBatch
    place: Int64s
    letters: DeadLetterBatch = NO_LETTERS

    @property
    def malformed(self) -> int:
        """How many rows were left out."""
        return len(self.letters)

    def __len__(self) -> int:
        return len(self.item)

    def features(self, *, text_ids: bool) -> ItemFeatures:
        """What recommends the items while no model knows them."""
        encoded = self.details.column("category").fill_null("").dictionary_encode()
        keys = hash_texts(encoded.dictionary)
        keys[pc.equal(encoded.dictionary, "").to_numpy(zero_copy_only=False)] = 0
        return ItemFeatures(
            keys[encoded.indices.to_numpy(zero_copy_only=False)] if len(self) else keys[:0],
            self.details.column("created").to_numpy(zero_copy_only=False),
            self.details.column("id") if text_ids else None,
        )

    def take(self, rows: Int64s) -> ItemRows:
        """The rows at some places."""
        return ItemRows(
            self.item[rows],
            self.updated[rows],
            self.available[rows],
            self.details.take(pa.array(rows)),
            self.place[rows],
            self.letters,
        )


def named(columns: list[str]) -> dict[str, str]:
    """Which of the columns is which part of an item; parts that are missing are left out."""
    lowered = {name.strip().lower(): name for name in reversed(columns)}
    found = {}
    for part, synonyms in SYNONYMS.items():
        for synonym in synonyms:
            if synonym in lowered:
                found[part] = lowered[synonym]
                break
    return found


Origin = Callable[[list[int]], tuple[list[str], list[str]]]
"""Gives the sources and the raw values of some rows, for their dead letters."""


def item_rows(
    columns: Mapping[str, pa.Array],
    rows: int,
    *,
    text_ids: bool,
    origin: Origin,
    is_utf8: Bools | None = None,
) -> ItemRows:
    """The rows that are items; the others become dead letters.

    Args:
        columns: arrays [rows] of texts by part, with nulls for missing values; `item` is there.
        rows: how many rows there are.
        text_ids: whether items are texts, which become keys.
        origin: where the rows come from.
        is_utf8: bool [rows], which rows have texts of UTF-8; None for all.
    """
    valid: dict[str, Bools] = {} if is_utf8 is None else {BYTES: is_utf8}
    item, valid["item"] = item_ids(columns["item"], text_ids=text_ids)
    available = np.ones(rows, bool)
    if "available" in columns:
        words = pc.utf8_lower(pc.utf8_trim_whitespace(columns["available"].fill_null("")))
        available = _is_in(words, YES)
        valid["available"] = available | _is_in(words, NO)
    updated, valid["updated"] = _times(columns.get("updated"), rows)
    created, valid["created"] = _times(columns.get("created"), rows)
    price, valid["price"] = _prices(columns.get("price"), rows)
    good = np.logical_and.reduce(list(valid.values()))
    none = pa.nulls(rows, pa.string())
    details = pa.RecordBatch.from_arrays(
        [
            columns["item"].fill_null("") if text_ids else pa.array(item).cast(pa.string()),
            *(clean(columns.get(name, none), name) for name in TEXTS),
            pa.array(price),
            pa.array(created),
        ],
        ["id", *TEXTS, "price", "created"],
    )
    found = ItemRows(item, updated, available, details, np.arange(rows))
    if good.all():
        return found
    wrong, reasons, details = explained(columns, valid, text_ids=text_ids)
    sources, raw = origin(wrong.tolist())
    letters = letters_of(sources, reasons, raw, details)
    return replace(found.take(np.flatnonzero(good)), letters=letters)


def item_ids(texts: pa.Array, *, text_ids: bool) -> tuple[Int64s, Bools]:
    """The ids of items as columns hold them, and which rows have one.

    Args:
        texts: an array [n] of texts.
        text_ids: whether ids are texts, whose keys are used; else they are whole numbers.
    """
    texts = texts.fill_null("")
    if not text_ids:
        return whole_numbers(texts.cast(pa.binary()))
    valid = is_valid_id(texts)
    keyed = keys_of(texts)
    return keyed.key, valid & ~keyed.collides


def _is_in(words: pa.Array, wanted: tuple[str, ...]) -> Bools:
    found: Bools = pc.is_in(words, pa.array(wanted)).to_numpy(zero_copy_only=False)
    return found


def _times(texts: pa.Array | None, rows: int) -> tuple[Int64s, Bools]:
    """Seconds since the epoch of whole numbers or ISO times, -1 where there is none.

    20251009 is neither: as seconds it is in August 1970, and it was meant to be a date.
    """
    if texts is None:
        return np.full(rows, -1, np.int64), np.ones(rows, bool)
    texts = pc.utf8_trim_whitespace(texts.fill_null(""))
    missing = pc.equal(texts, "").to_numpy(zero_copy_only=False)
    value, valid = whole_numbers(texts.cast(pa.binary()))
    rest = np.flatnonzero(~valid & ~missing)
    for row, text in zip(rest.tolist(), texts.take(pa.array(rest)).to_pylist(), strict=True):
        seconds = _iso_seconds(text)
        if seconds is not None:
            value[row], valid[row] = seconds, True
    valid &= (value >= 0) & (value < TIME_LIMIT) & ~are_dates(value)
    return np.where(valid & ~missing, value, -1), valid | missing


def _iso_seconds(text: str) -> int | None:
    """Seconds of a date or a time of ISO 8601; one without a zone is of UTC."""
    try:
        moment = datetime.fromisoformat(text)
        whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (whole - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None


def _prices(
    texts: pa.Array | None, rows: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], Bools]:
    if texts is None:
        return np.full(rows, np.nan), np.ones(rows, bool)
    texts = pc.utf8_trim_whitespace(texts.fill_null(""))
    # Polars and DuckDB write a missing number of Parquet as NaN.
    missing = pc.is_in(pc.utf8_lower(texts), pa.array(["", "nan"]))
    # Floats of Parquet have up to 17 digits and an exponent.
    number = pc.match_substring_regex(texts, r"^[+-]?[0-9]{1,40}(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?$")
    value = pc.cast(pc.if_else(number, texts, None), pa.float64())
    below = pc.less(pc.abs(value), PRICE_LIMIT).fill_null(False)
    valid: Bools = pc.or_(below, missing).to_numpy(zero_copy_only=False)
    return value.to_numpy(zero_copy_only=False), valid

"""Malformed rows of a catalogue as dead letters: which field, which value, and a hint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from sources.parsing.compact_dates import pattern_of
from sources.parsing.malformed import EXPLAINED
from transforms.messages.dead_letters import (
    NOT_A_NUMBER,
    NOT_A_TIME,
    NOT_AN_ID,
    NOT_UTF8,
    DeadLetterBatch,
)
from transforms.messages.events import Bools, Int64s

NOT_AVAILABILITY = "not an availability"

NO_LETTERS = DeadLetterBatch.of(())

BYTES = "bytes"
"""The part of a row that says whether its texts are UTF-8."""

_SHOWN = 60
_NOT_A_PRICE = "no number of up to 15 digits before the point"
_WORDS = "neither true, 1, yes, in stock nor false, 0, no, out of stock"


def reason_of(part: str, *, text_ids: bool) -> str:
    """Why a row is malformed whose value of a part is wrong."""
    if part == "item":
        return NOT_AN_ID if text_ids else NOT_A_NUMBER
    others = {"available": NOT_AVAILABILITY, "price": NOT_A_NUMBER, BYTES: NOT_UTF8}
    return others.get(part, NOT_A_TIME)


def explained(
    columns: Mapping[str, pa.Array], valid: Mapping[str, Bools], *, text_ids: bool
) -> tuple[Int64s, list[str], list[str]]:
    """The malformed rows, each with its reason and its detail.

    Args:
        columns: arrays [n] of texts by part.
        valid: bool [n] by part: where the part's value is right. The first part that is wrong is
            the reason.
        text_ids: whether items are texts.

    Returns:
        The rows, ascending; their reasons; their details, of which those beyond the first 100 of
        a reason are empty.
    """
    parts = list(valid)
    wrong = ~np.stack([valid[part] for part in parts])
    rows = np.flatnonzero(wrong.any(axis=0))
    first = wrong[:, rows].argmax(axis=0)
    reasons, details = [], []
    seen: Counter[str] = Counter()
    for row, number in zip(rows.tolist(), first.tolist(), strict=True):
        reason = reason_of(parts[number], text_ids=text_ids)
        seen[reason] += 1
        reasons.append(reason)
        if seen[reason] > EXPLAINED or parts[number] == BYTES:
            details.append("" if parts[number] != BYTES else "some bytes are not UTF-8")
            continue
        value = columns[parts[number]][row].as_py()
        details.append(_detail(parts[number], value, text_ids=text_ids))
    return rows, reasons, details


def _detail(part: str, value: str | None, *, text_ids: bool) -> str:
    text = (value or "").strip()
    if not text:
        return f"{part} is missing"
    said = f"{part} is {text[:_SHOWN] + '...' if len(text) > _SHOWN else text!r}"
    if part == "item" and text_ids:
        return f"{said}, no text of 1 to 256 bytes without control characters, or its key is taken"
    if part == "item":
        return f'{said}, no whole number of 64 bits; texts need [ids] item = "text" in a --schema'
    if part == "available":
        return f"{said}, {_WORDS}"
    if part == "price":
        comma = "; the decimal sign looks like ','" if "," in text else ""
        return f"{said}, {_NOT_A_PRICE}{comma}"
    digits = text.lstrip("-")
    if digits.isdigit() and pattern_of(digits):
        return f"{said}; looks like a date without separators: write 2026-01-31"
    if digits.isdigit() and len(digits) > 12:
        unit = "milliseconds" if len(digits) < 15 else "microseconds"
        return f"{said}; looks like {unit}: give seconds since the epoch"
    return f"{said}, neither seconds since the epoch nor an ISO time (2026-01-31T12:00:00)"


def letters_of(
    sources: Sequence[str], reasons: Sequence[str], raw: Sequence[str], details: Sequence[str]
) -> DeadLetterBatch:
    """Dead letters without times."""
    return DeadLetterBatch.of_columns(sources, reasons, raw, [None] * len(sources), details)


def joined(parts: Sequence[DeadLetterBatch]) -> DeadLetterBatch:
    """The letters of all parts."""
    found = [part.columns for part in parts if len(part)]
    if len(found) < 2:
        return DeadLetterBatch(found[0]) if found else NO_LETTERS
    table = pa.Table.from_batches(found).combine_chunks()
    return DeadLetterBatch(table.to_batches()[0])

"""Fields that are left out of dead letters, and the limit of their `raw`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pyarrow.compute as pc

from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch

REDACTED = "[redacted]"
"""Stands for a value whose fields cannot be told apart."""

LATE = "late"
_LATE_FIELDS = ("user", "item", "time", "behavior")
"""Fields of a late event's value, in their order."""


def bounded(letters: DeadLetterBatch, raw_max: int) -> DeadLetterBatch:
    """The letters, each `raw` cut to `raw_max` characters and marked with its whole length."""
    longest = pc.max(pc.utf8_length(letters.columns.column("raw"))).as_py()
    if longest is None or longest <= raw_max:
        return letters
    return DeadLetterBatch.of(
        replace(one, raw=f"{one.raw[:raw_max]}... [cut: {len(one.raw)} characters]")
        if len(one.raw) > raw_max
        else one
        for one in letters
    )


def redacted(letters: DeadLetterBatch, fields: Collection[str]) -> DeadLetterBatch:
    """The letters without the values of some fields.

    Fields of JSON objects are left out at any depth. Late events are `user,item,time,behavior`. Of
    any other value the fields cannot be told apart: it is left out as a whole.
    """
    if not fields:
        return letters
    return DeadLetterBatch.of(_redact(letter, fields) for letter in letters)


def _redact(letter: DeadLetter, fields: Collection[str]) -> DeadLetter:
    source = letter.source
    if "user" in fields:
        # Keys of Redis end in the user.
        source = re.sub(r" (history|recommendations):.*", r" \1", source, flags=re.DOTALL)
    time = None if "time" in fields else letter.time
    return DeadLetter(source, letter.reason, _redact_raw(letter, fields), time)


def _redact_raw(letter: DeadLetter, fields: Collection[str]) -> str:
    if letter.reason == LATE:
        values = letter.raw.split(",")
        if len(values) == len(_LATE_FIELDS):
            return ",".join(
                "" if name in fields else value
                for name, value in zip(_LATE_FIELDS, values, strict=True)
            )
    try:
        value = json.loads(letter.raw)
    except (ValueError, RecursionError):
        return REDACTED
    if not isinstance(value, dict):
        return REDACTED
    removed: list[Any] = []
    try:
        kept = _without(value, fields, removed)
        words = [word for one in removed for word in _words(one)]
    except RecursionError:
        return REDACTED
    if any(word and word in str(kept.get("why", "")) for word in words):
        kept["why"] = REDACTED
    return json.dumps(kept)


def _without(value: Any, fields: Collection[str], removed: list[Any]) -> Any:
    if isinstance(value, list):
        return [_without(one, fields, removed) for one in value]
    if not isinstance(value, dict):
        return value
    removed += [one for name, one in value.items() if name in fields]
    return {
        name: _without(one, fields, removed) for name, one in value.items() if name not in fields
    }


def _words(value: Any) -> list[str]:
    """The texts by which an error message may name a value."""
    if isinstance(value, dict):
        return [word for one in value.values() for word in _words(one)]
    if isinstance(value, list):
        return [word for one in value for word in _words(one)]
    return [str(value)]

"""The end of the file of dead letters."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson

from serving.schemas.job import DeadLetter, DeadLetters

_TAIL_BYTES = 256 << 10
_RAW_CHARACTERS = 300


def last_dead_letters(
    path: Path, limit: int, reason: str | None = None, per_reason: int | None = None
) -> DeadLetters:
    """The last dead letters of a JSON lines file, newest first, and how many of each reason.

    Only the last 256 KiB of the file are read.

    Args:
        path: the file; it may be missing.
        limit: dead letters to return at most.
        reason: return only dead letters with this reason.
        per_reason: dead letters of one reason to return at most.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size - _TAIL_BYTES)
            file.seek(start)
            tail = file.read(_TAIL_BYTES)
    except OSError:
        return DeadLetters(present=False, looked_at=0, reasons={}, letters=[])
    # The first line may be cut, and the last one may still be being written.
    lines = tail.split(b"\n")[1 if start else 0 : -1]
    dead_letters = [found for line in reversed(lines) if (found := _dead_letter(line))]
    reasons = Counter(found.reason for found in dead_letters)
    chosen: list[DeadLetter] = []
    count: Counter[str] = Counter()
    for found in dead_letters:
        within = per_reason is None or count[found.reason] < per_reason
        if reason in (None, found.reason) and within:
            count[found.reason] += 1
            chosen.append(found)
    return DeadLetters(True, len(dead_letters), dict(reasons.most_common()), chosen[:limit])


def _dead_letter(line: bytes) -> DeadLetter | None:
    try:
        found = orjson.loads(line)
        raw = found.get("raw", "")
        time = found.get("time")
    except (orjson.JSONDecodeError, AttributeError):
        return None
    text = raw if isinstance(raw, str) else orjson.dumps(raw).decode()
    if len(text) > _RAW_CHARACTERS:
        text = text[:_RAW_CHARACTERS] + "…"
    return DeadLetter(
        source=str(found.get("source", "")),
        reason=str(found.get("reason", "unknown")),
        raw=text,
        time=time if isinstance(time, int | float | str) else None,
    )

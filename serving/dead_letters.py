"""The end of the dead letters' file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson

from serving.schemas.responses import DeadLetter, DeadLetters

_TAIL_BYTES = 256 << 10
_RAW_CHARACTERS = 300


def last_dead_letters(
    path: Path, limit: int, reason: str | None = None, each: int | None = None
) -> DeadLetters:
    """The last letters of a JSON lines file, newest first, and how many of each reason.

    However long the file is, only its last 256 KiB are read.

    Args:
        path: the file; it need not be there.
        limit: letters to give at most.
        reason: give letters with this reason alone.
        each: letters of one reason to give at most.
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
    letters = [letter for line in reversed(lines) if (letter := _letter(line))]
    reasons = Counter(letter.reason for letter in letters)
    chosen: list[DeadLetter] = []
    taken: Counter[str] = Counter()
    for letter in letters:
        if reason in (None, letter.reason) and (each is None or taken[letter.reason] < each):
            taken[letter.reason] += 1
            chosen.append(letter)
    return DeadLetters(True, len(letters), dict(reasons.most_common()), chosen[:limit])


def _letter(line: bytes) -> DeadLetter | None:
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

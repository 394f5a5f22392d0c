"""Lines that become dead letters: malformed ones, and events from the future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.messages.dead_letters import (
    FUTURE,
    NOT_A_NUMBER,
    NOT_UTF8,
    TIME_RANGE,
    TOO_FEW,
    TOO_MANY,
    UNKNOWN_BEHAVIOR,
)
from transforms.messages.events import BEHAVIORS, TIME_LIMIT, EventBatch

MALFORMED = (TOO_FEW, TOO_MANY, NOT_A_NUMBER, UNKNOWN_BEHAVIOR, TIME_RANGE, NOT_UTF8)
REASONS = (*MALFORMED, FUTURE)
"""Reasons of the lines; those in MALFORMED come first."""
FIRST_FUTURE = 4_070_908_800
"""2099-01-01: the smallest time of events from the future, in seconds since the epoch."""
UNKNOWN_BEHAVIORS = ("view", "click", "PV", "purchase", "")
WRONG_NUMBERS = ("", "abc", "12x", "1.5e", "None", "--3")
NOT_TEXT = "\xff\xfe"


@dataclass(frozen=True, slots=True, eq=False)
class MalformedLines:
    """Malformed lines and their positions in a stream.

    Attributes:
        lines: the lines without line ends, in the order of `before`.
        reason: int64 [m], indices into REASONS.
        before: int64 [m], ascending: the row of the stream that follows the line.
    """

    lines: list[bytes]
    reason: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def counts(self) -> dict[str, int]:
        """The number of lines by reason."""
        counts = np.bincount(self.reason, minlength=len(REASONS))
        return {name: int(count) for name, count in zip(REASONS, counts, strict=True)}


def malform(
    events: EventBatch, count: int, rng: np.random.Generator, future: int = 0
) -> MalformedLines:
    """Makes malformed copies of rows of `events`, the same number for each reason.

    Args:
        events: the stream.
        count: number of malformed lines.
        rng: source of the choice of rows and of the errors.
        future: number of further copies whose time is in the years 2099 to 9999.

    Returns:
        The lines. Each is positioned before the row of which it is a copy.
    """
    before = np.sort(rng.integers(0, len(events), count))
    reason = rng.permutation(np.arange(count) % len(MALFORMED))
    kind = rng.integers(0, 1 << 16, count)
    if future:
        before = np.concatenate((before, rng.integers(0, len(events), future)))
        order = np.argsort(before, kind="stable")
        before = before[order]
        reason = np.concatenate((reason, np.full(future, len(MALFORMED))))[order]
        kind = np.concatenate((kind, rng.integers(0, TIME_LIMIT - FIRST_FUTURE, future)))[order]
    rows = events.take(before)
    lines = [
        _malformed_line(
            int(why), int(which), [str(user), str(item), BEHAVIORS[behavior], str(time)]
        )
        for why, which, user, item, behavior, time in zip(
            reason, kind, rows.user, rows.item, rows.behavior, rows.time, strict=True
        )
    ]
    return MalformedLines(lines, reason, before)


def _malformed_line(reason: int, kind: int, fields: list[str]) -> bytes:
    """A line of these fields with an error: the `kind`-th variant of a reason."""
    name = REASONS[reason]
    if name == TOO_FEW:
        fields = fields[: 1 + kind % 3]
    elif name == TOO_MANY:
        fields.append(str(kind))
    elif name == NOT_A_NUMBER:
        fields[(0, 1, 3)[kind % 3]] = WRONG_NUMBERS[kind // 3 % len(WRONG_NUMBERS)]
    elif name == UNKNOWN_BEHAVIOR:
        fields[2] = UNKNOWN_BEHAVIORS[kind % len(UNKNOWN_BEHAVIORS)]
    elif name == FUTURE:
        fields[3] = str(FIRST_FUTURE + kind)
    elif name == TIME_RANGE:
        fields[3] = str(-1 - kind) if kind % 2 else str(TIME_LIMIT + kind)
    else:
        fields[kind % 4] += NOT_TEXT
    # In Latin-1 the characters of NOT_TEXT are single bytes, which are invalid UTF-8.
    return ",".join(fields).encode("latin-1")

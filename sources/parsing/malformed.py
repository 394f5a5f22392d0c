"""Malformed rows as columns: which row, why, and its time where that could be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from transforms.messages.dead_letters import (
    DUPLICATE_KEY,
    FUTURE,
    ID_COLLISION,
    NOT_A_NUMBER,
    NOT_A_TIME,
    NOT_AN_ID,
    NOT_AVRO,
    NOT_JSON,
    NOT_PROTOBUF,
    NOT_UTF8,
    TIME_RANGE,
    TOO_FEW,
    TOO_LONG,
    TOO_MANY,
    UNKNOWN_BEHAVIOR,
)
from transforms.messages.events import EventBatch

Bools = npt.NDArray[np.bool_]
Int8s = npt.NDArray[np.int8]
Int64s = npt.NDArray[np.int64]

REASONS = (
    TOO_FEW,
    TOO_MANY,
    NOT_A_NUMBER,
    UNKNOWN_BEHAVIOR,
    TIME_RANGE,
    NOT_UTF8,
    NOT_JSON,
    DUPLICATE_KEY,
    TOO_LONG,
    FUTURE,
    NOT_A_TIME,
    NOT_AN_ID,
    ID_COLLISION,
    NOT_AVRO,
    NOT_PROTOBUF,
)
"""The reasons for which a line is malformed; a reason's code is its place here."""

CODES = {reason: code for code, reason in enumerate(REASONS)}

_NO_TIME = -1


class Malformed(NamedTuple):
    """Why a line is not an event, and its time where that could be read."""

    reason: str
    time: int | None


@dataclass(frozen=True, eq=False)
class MalformedRows:
    """Malformed rows, as columns.

    Attributes:
        row: int64 [n], the rows' numbers.
        code: int8 [n], indices into REASONS.
        time: int64 [n], the events' times in seconds since the epoch, -1 where there is none:
            a time below 0 is out of range, so that no row has one.
    """

    row: Int64s
    code: Int8s
    time: Int64s

    @staticmethod
    def of(rows: Iterable[tuple[int, Malformed]]) -> MalformedRows:
        """Rows given one by one."""
        found = list(rows)
        return MalformedRows(
            np.array([row for row, _ in found], np.int64),
            np.array([CODES[what.reason] for _, what in found], np.int8),
            np.array([_NO_TIME if what.time is None else what.time for _, what in found], np.int64),
        )

    @staticmethod
    def concat(parts: Iterable[MalformedRows]) -> MalformedRows:
        """The rows of all parts, by row number."""
        given = [(part.row, part.code, part.time) for part in parts if len(part)]
        if not given:
            return NO_ROWS
        row, code, time = (np.concatenate(column) for column in zip(*given, strict=True))
        order = np.argsort(row, kind="stable")
        return MalformedRows(row[order], code[order], time[order])

    def renumbered(self, numbers: Int64s) -> MalformedRows:
        """The same rows; row r gets the number `numbers[r]`."""
        return MalformedRows(numbers[self.row], self.code, self.time)

    def __len__(self) -> int:
        return len(self.row)

    def __iter__(self) -> Iterator[tuple[int, Malformed]]:
        return zip(self.row.tolist(), map(Malformed, self.reasons(), self.times()), strict=True)

    def reasons(self) -> list[str]:
        """The reason of each row."""
        return [REASONS[code] for code in self.code.tolist()]

    def times(self) -> list[int | None]:
        """The time of each row, None where there is none."""
        return [None if time < 0 else time for time in self.time.tolist()]


NO_ROWS = MalformedRows(np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.int64))


class ParsedRows(NamedTuple):
    """What rows held: each is an event, or malformed, or left out by a schema.

    Attributes:
        events: the events, in the order of the rows.
        rows: int64 [events], the row that each event is on.
        malformed: the malformed rows, in order.
        ignored: how many rows a schema leaves out.
    """

    events: EventBatch
    rows: Int64s
    malformed: MalformedRows
    ignored: int = 0

    @staticmethod
    def of(events: EventBatch, malformed: MalformedRows) -> ParsedRows:
        """Rows numbered from 0 without gaps."""
        numbers = np.arange(len(events) + len(malformed))
        rows = np.delete(numbers, malformed.row) if len(malformed) else numbers
        return ParsedRows(events, rows, malformed)

    def without_future(self, latest: int | Int64s) -> ParsedRows:
        """The same rows; events later than `latest` become malformed, reason `future`.

        Args:
            latest: seconds since the epoch, one for all or one per event.
        """
        late = self.events.time > latest
        if not late.any():
            return self
        times = self.events.time[late]
        found = MalformedRows(self.rows[late], np.full(len(times), CODES[FUTURE], np.int8), times)
        return ParsedRows(
            self.events.take(~late),
            self.rows[~late],
            MalformedRows.concat((self.malformed, found)),
            self.ignored,
        )

    def renumbered(self, numbers: Int64s) -> ParsedRows:
        """The same rows; row r gets the number `numbers[r]`."""
        malformed = self.malformed.renumbered(numbers)
        return ParsedRows(self.events, numbers[self.rows], malformed, self.ignored)

    @staticmethod
    def concat(given: Iterable[ParsedRows]) -> ParsedRows:
        """The rows of several parts, by row number."""
        parts = list(given)
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return ParsedRows.of(EventBatch.empty(), NO_ROWS)
        rows = np.concatenate([part.rows for part in parts])
        order = np.argsort(rows, kind="stable")
        return ParsedRows(
            EventBatch.concat(part.events for part in parts).take(order),
            rows[order],
            MalformedRows.concat(part.malformed for part in parts),
            sum(part.ignored for part in parts),
        )

    @staticmethod
    def of_malformed(malformed: MalformedRows) -> ParsedRows:
        """Malformed rows alone."""
        return ParsedRows(EventBatch.empty(), np.empty(0, np.int64), malformed)


CUT_BYTES = 1024
"""What is kept of a line that is too long."""


def cut_text(start: bytes, size: int) -> str:
    """The text of a line that is too long: its beginning, and a mark with its size.

    Args:
        start: the line's first bytes.
        size: the whole line's bytes.
    """
    return f"{start[:CUT_BYTES].decode('utf-8', 'backslashreplace')}... [cut: {size} bytes]"


Raw = TypeVar("Raw")

EXPLAINED = 100
"""Dead letters of a block or poll that are explained, for each reason: an explanation parses a
value again, by itself, which for all of a flood would hold up the events."""

FURTHER = "a further event of the value before"
"""The detail of a value's second and later malformed event. Its letter does not repeat the value,
which may hold hundreds of thousands of them."""


def is_further(rows: MalformedRows) -> list[bool]:
    """Whether each row is the one before, as a value may have several events."""
    return [bool(step == 0) for step in np.diff(rows.row, prepend=-1).tolist()]


def details_of(
    rows: MalformedRows, raw: Sequence[Raw], explain: Callable[[str, Raw], str]
) -> list[str]:
    """The details of malformed rows: FURTHER, or the explanation of the first EXPLAINED.

    Args:
        rows: the malformed rows.
        raw: their texts, or what else explains them.
        explain: the detail of a row from its reason and its text.
    """
    explained: Counter[str] = Counter()
    found = []
    for reason, text, further in zip(rows.reasons(), raw, is_further(rows), strict=True):
        if further:
            found.append(FURTHER)
            continue
        explained[reason] += 1
        found.append(explain(reason, text) if explained[reason] <= EXPLAINED else "")
    return found

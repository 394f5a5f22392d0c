"""The dead letters of files and topics that a process follows."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

from transforms.loaded import Source, loaded
from transforms.messages.dead_letters import DeadLetterBatch


class LetterLog:
    """The dead letters of what a process follows; any number of readers follow it.

    Args:
        most: letters that are kept.
    """

    def __init__(self, most: int = 1 << 20) -> None:
        self._most = most
        self._parts: deque[DeadLetterBatch] = deque()
        self._kept = 0
        self._end = 0

    def add(self, letters: DeadLetterBatch) -> None:
        """Adds letters; the oldest parts beyond the most that are kept are dropped."""
        if not len(letters):
            return
        self._parts.append(letters)
        self._kept += len(letters)
        self._end += 1
        while self._kept > self._most and len(self._parts) > 1:
            self._kept -= len(self._parts.popleft())

    def since(self, position: int) -> tuple[list[DeadLetterBatch], int]:
        """The parts from a position on, 0 for the beginning; and the position after them."""
        first = self._end - len(self._parts)
        return list(self._parts)[max(0, position - first) :], self._end


class LoggedView(Protocol):
    """What keeps the dead letters of what it read."""

    letters: LetterLog

    def at(self, time: int) -> object:
        """Reads what there is up to a time in seconds since the epoch."""
        ...


class MalformedRecords:
    """Gives what is malformed alone, from the view that all steps of the process share.

    Args:
        source: a catalogue, or users to forget.

    Raises:
        SourceError: it cannot be used.
    """

    def __init__(self, source: Source[LoggedView]) -> None:
        self._view = loaded(source)
        self._position = 0

    def read(self) -> tuple[list[Any], list[DeadLetterBatch]]:
        """No rows, and what is malformed since the last call."""
        self._view.at(int(time.time()))
        found, self._position = self._view.letters.since(self._position)
        return [], found

"""A stateful step's state, as bytes as a runner keeps it, with what is read and written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from apache_beam.transforms.userstate import BagStateSpec


class Cell:
    """A state of either kind: encoded values; `read` and `written` count bytes.

    Args:
        spec: the state's specification.
    """

    def __init__(self, spec: Any) -> None:
        self._coder, self._is_bag = spec.coder, isinstance(spec, BagStateSpec)
        self.values: list[bytes] = []
        self.read_bytes = self.written_bytes = 0

    def read(self) -> Any:
        """The value (None for none), or the values of a bag."""
        self.read_bytes += sum(map(len, self.values))
        found = [self._coder.decode(value) for value in self.values]
        return found if self._is_bag else found[0] if found else None

    def write(self, value: Any) -> None:
        """Replaces the value."""
        self.clear()
        self.add(value)

    def add(self, value: Any) -> None:
        """Adds a value to a bag."""
        encoded = self._coder.encode(value)
        self.values.append(encoded)
        self.written_bytes += len(encoded)

    def clear(self) -> None:
        """Removes all values."""
        self.values = []


class Timers:
    """Times by tag."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}

    def set(self, time: int, dynamic_timer_tag: str) -> None:
        """Sets a timer."""
        self.times[dynamic_timer_tag] = time

    def due(self, watermark: int) -> Iterator[str]:
        """Removes and yields the tags of the timers that the watermark has reached, in order."""
        for tag, time in sorted(self.times.items(), key=lambda timer: timer[1]):
            if time <= watermark:
                del self.times[tag]
                yield tag


class StepState:
    """The states and timers of a step for one key, by the parameters of its methods."""

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self.timers = Timers()

    def arguments(self, method: Callable[..., Any]) -> dict[str, Any]:
        """The states and timers that a method of the step asks for, by parameter."""
        found: dict[str, Any] = {}
        for name, parameter in inspect.signature(method).parameters.items():
            wanted = parameter.default
            if hasattr(wanted, "state_spec"):
                spec = wanted.state_spec
                found[name] = self.cells.setdefault(spec.name, Cell(spec))
            elif hasattr(wanted, "timer_spec"):
                found[name] = self.timers
        return found

    def read_bytes(self) -> int:
        """Bytes read so far."""
        return sum(cell.read_bytes for cell in self.cells.values())

    def written_bytes(self) -> int:
        """Bytes written so far."""
        return sum(cell.written_bytes for cell in self.cells.values())

    def held_bytes(self) -> int:
        """Bytes of all values."""
        return sum(len(value) for cell in self.cells.values() for value in cell.values)

    def largest_cell(self) -> int:
        """Bytes of the largest state: RocksDB keeps a bag as one value."""
        return max(sum(map(len, cell.values)) for cell in self.cells.values())

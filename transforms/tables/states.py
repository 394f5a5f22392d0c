"""The states of a table: declared once for a step, and given to its methods by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec

from transforms.columns.frames import FrameCoder
from transforms.tables.index import TableIndex

CELLS = 32
"""Most cells of a shard's table. A runner makes a cell's states when they are first used."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class TableStates:
    """The states of a table.

    Attributes:
        name: what their names start with.
        cells: most cells.
    """

    name: str
    cells: int = CELLS

    def specs(self) -> dict[str, Any]:
        """The specifications, by parameter."""
        raw = beam.coders.BytesCoder()
        found: dict[str, Any] = {
            f"{self.name}_index": ReadModifyWriteStateSpec(
                f"{self.name}_index", FrameCoder(TableIndex)
            )
        }
        for cell in range(self.cells):
            base, log = f"{self.name}_base_{cell}", f"{self.name}_log_{cell}"
            found[base] = ReadModifyWriteStateSpec(base, raw)
            found[log] = BagStateSpec(log, raw)
        return found

    def given_to(self, method: F) -> F:
        """Decorates a method of a DoFn that takes the states as `**states`."""
        signature = inspect.signature(method)
        named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        named += [
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=beam.DoFn.StateParam(spec)
            )
            for name, spec in self.specs().items()
        ]
        # Beam reads the parameters from the signature (PEP 362).
        method.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]
        return method

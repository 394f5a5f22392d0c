"""Where a table is: the states of a key, and how they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transforms.tables.cells import BaseCell, base_cell
from transforms.tables.layout import Layout, Rows
from transforms.tables.states import TableStates


@dataclass(frozen=True)
class TableLimits:
    """When cells are merged and divided, and how a worker keeps them.

    Attributes:
        cell_bytes: size of a base from which on its cell is divided. With its log, and what came
            since the last merge, it stays below 4 MiB.
        log_share: share of the base's rows that the log may have, on average over the cells.
        log_rows: rows that any log may have.
        decoded_bytes: size of a base up to which a worker keeps it decoded.
    """

    cell_bytes: int = 5 << 19
    log_share: float = 0.25
    log_rows: int = 64
    decoded_bytes: int = 1 << 17


DEFAULT_LIMITS = TableLimits()


@dataclass(frozen=True)
class TablePlace:
    """The states of one key.

    Attributes:
        layout: the kinds of rows.
        states: the names of the states.
        given: the states, by name.
        key: the key, which spreads the moments at which cells are merged.
        limits: when cells are merged and divided.
    """

    layout: Layout
    states: TableStates
    given: Mapping[str, Any]
    key: int
    limits: TableLimits = DEFAULT_LIMITS

    @property
    def index(self) -> Any:
        """The state of the index."""
        return self.given[f"{self.states.name}_index"]

    def base(self, cell: int) -> Any:
        """The state of a cell's merged rows."""
        return self.given[f"{self.states.name}_base_{cell}"]

    def base_cell(self, encoded: bytes, rows: Rows | None = None) -> BaseCell:
        """A base in memory: its encoded rows, and the rows if they are known."""
        return base_cell(self.layout, encoded, self.limits.decoded_bytes, rows)

    def log(self, cell: int) -> Any:
        """The state of a cell's newer rows."""
        return self.given[f"{self.states.name}_log_{cell}"]

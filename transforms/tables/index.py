"""The index of a table's cells, as state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.codec import Column
from transforms.columns.frames import Columns, coded
from transforms.messages.events import Int64s
from transforms.tables.directory import Directory

VERSION_BYTES = 16


@coded
@dataclass(frozen=True, slots=True, eq=False)
class TableIndex(Columns):
    """The cells of a table, and its version.

    Attributes:
        version: int8 [VERSION_BYTES], a digest of all that was ever written of the table.
        entries: int64 [1], how many entries were ever added to the logs.
        prefix: int64 [c], as in Directory.
        depth: int64 [c], as in Directory.
        base_rows: int64 [c], rows of the base.
        log_rows: int64 [c], rows of the log.
        base_bytes: int64 [c], bytes of the base.
        log_bytes: int64 [c], bytes of the log.
    """

    version: Column
    entries: Int64s
    prefix: Int64s
    depth: Int64s
    base_rows: Int64s
    log_rows: Int64s
    base_bytes: Int64s
    log_bytes: Int64s

    @staticmethod
    def empty() -> TableIndex:
        """The index of a table that was never written: one cell without rows."""
        none = np.zeros(1, np.int64)
        return TableIndex(np.zeros(VERSION_BYTES, np.int8), *[none] * 7)

    @property
    def directory(self) -> Directory:
        """Which cell a user is in."""
        return Directory(self.prefix, self.depth)

    @property
    def digest(self) -> bytes:
        """The version."""
        return self.version.tobytes()

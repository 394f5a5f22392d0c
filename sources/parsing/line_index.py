"""The offsets at which the lines of a block begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

NEWLINE, RETURN, QUOTE = 10, 13, 34


@dataclass(frozen=True)
class LineIndex:
    """The lines of a block that are not empty.

    Attributes:
        block: the bytes.
        start: int64 [n], each line's first byte.
        end: int64 [n], one past each line's last byte; its LF or CR LF is not part of it.
        after: int64 [n], the first byte after the line and its end.
    """

    block: bytes
    start: Positions
    end: Positions
    after: Positions

    @staticmethod
    def of(block: bytes) -> LineIndex:
        """The lines of a block; the last one may lack its newline."""
        octets = np.frombuffer(block, np.uint8)
        newlines = np.flatnonzero(octets == NEWLINE)
        start = np.concatenate(([0], newlines + 1))
        end = np.concatenate((newlines, [len(block)]))
        after = np.concatenate((newlines + 1, [len(block)]))
        wide = np.flatnonzero(end > start)
        wide = wide[octets[end[wide] - 1] == RETURN]
        end[wide] -= 1
        filled = end > start
        return LineIndex(block, start[filled], end[filled], after[filled])

    def __len__(self) -> int:
        return len(self.start)

    def line(self, row: int) -> bytes:
        """The bytes of a line, without its end."""
        return self.block[self.start[row] : self.end[row]]

    def rows_with(self, positions: Positions) -> Positions:
        """The rows whose lines hold a byte at one of these (sorted) positions, in order."""
        rows = np.searchsorted(self.start, positions, side="right") - 1
        inside = (rows >= 0) & (positions < self.end[rows]) if len(self) else rows >= 0
        return np.unique(rows[inside])

    def without(self, rows: Positions) -> bytes:
        """The block without these rows (sorted) and their ends."""
        view = memoryview(self.block)
        pieces, at = [], 0
        for begin, after in zip(self.start[rows].tolist(), self.after[rows].tolist(), strict=True):
            pieces.append(view[at:begin])
            at = after
        pieces.append(view[at:])
        return b"".join(pieces)

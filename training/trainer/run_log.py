"""The log of a training run: a CSV file and TensorBoard's events."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType

from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

FIELDS = ("stage", "epoch", "name", "value", "seconds")


class RunLog:
    """Writes one value a row: stage, epoch, name, value, seconds since the stage began.

    Args:
        folder: folder of log.csv, which is appended to, and TensorBoard's event files.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "log.csv"
        is_new = not path.exists()
        self._file = path.open("a", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file)
        if is_new:
            self._rows.writerow(FIELDS)
        self._board = SummaryWriter(str(folder))

    def write(self, stage: str, epoch: int, values: dict[str, float], seconds: float) -> None:
        """Writes one epoch's values, by name."""
        for name, value in values.items():
            self._rows.writerow([stage, epoch, name, f"{value:.6g}", f"{seconds:.1f}"])
            self._board.add_scalar(f"{stage}/{name}", value, epoch)
        self._file.flush()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._board.close()

"""Ties servers to the process that uses them: when it dies in any way, they end too."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.server import State

GRACE_S = 10.0


class ProcessReaper:
    """A data folder whose servers end with this process, even if it is killed.

    A small second process waits at the other end of a pipe; when the pipe closes, it stops every
    server that the folder still knows as running.

    Args:
        folder: The data folder, as given to each `Server`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def __enter__(self) -> Self:
        self._watcher = subprocess.Popen(
            (sys.executable, "-m", "deploy.process_reaper", str(self.folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watcher.communicate()


def stop_all(folder: Path) -> None:
    """Stop every server that a data folder knows as running.

    Args:
        folder: The data folder.
    """
    for path in folder.glob("**/state.json"):
        process = State.load(path).process
        if process is not None:
            process.stop(GRACE_S)


if __name__ == "__main__":
    sys.stdin.read()
    stop_all(Path(sys.argv[1]))

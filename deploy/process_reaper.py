"""Ends servers together with the process that uses them, even if that process is killed."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.state import ServerState

GRACE_S = 10.0


class ProcessReaper:
    """Stops the servers of a data folder when this process ends in any way.

    A second process reads from a pipe. The pipe closes when this process ends; the second process
    then stops all servers that the folder lists as running. A context manager.

    Args:
        folder: the data folder, as given to each `Server`.
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
    """Stops all servers that a data folder lists as running.

    Args:
        folder: the data folder.
    """
    for path in folder.glob("**/state.json"):
        process = ServerState.load(path).process
        if process is not None:
            process.stop(GRACE_S)


if __name__ == "__main__":
    sys.stdin.read()
    stop_all(Path(sys.argv[1]))

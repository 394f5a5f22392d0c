"""A file to which several processes append whole lines, with rotation."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from sinks.base import SinkError
from sinks.files import disk

_TAIL_BYTES = 1 << 16


class AppendFile:
    """Appends lines to a file: all of them, or none and an error.

    The file is locked while lines are appended, so that those of several processes do not mix. A
    last line that a crash has cut off is removed by the next append. Paths that are no regular
    files, such as /dev/stdout, are neither locked nor rotated.

    Args:
        path: the file; its folder is created.
        max_bytes: a file that would become larger is renamed to `PATH.1`, that one to `PATH.2`;
            0 for no limit.
        keep: renamed files that are kept; older ones are deleted.
    """

    def __init__(self, path: str, max_bytes: int = 0, keep: int = 0) -> None:
        self.name = path
        self._path, self._max_bytes, self._keep = Path(path), max_bytes, keep

    def append(self, lines: bytes) -> None:
        """Appends lines, each with its line's end.

        Raises:
            OSError: `is_outage` holds for it; the file is as it was before.
            SinkError: the file cannot be written to at all.
        """
        try:
            self._append(lines)
        except OSError as error:
            if self.is_outage(error):
                raise
            raise self._unusable(error) from error

    def remove(self) -> None:
        """Removes the file, if it is a regular file, and the renamed ones.

        Raises:
            SinkError: it is a folder, or cannot be removed.
        """
        try:
            if self._path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            for path in (self._path, *(self._renamed(n + 1) for n in range(self._keep))):
                if path.is_file():
                    path.unlink()
        except OSError as error:
            raise self._unusable(error) from error

    def is_outage(self, error: BaseException) -> bool:
        """Whether the error is expected to pass."""
        return disk.is_outage(error)

    def _unusable(self, error: OSError) -> SinkError:
        return SinkError(
            f"{self.name} cannot be written to ({error.strerror or error}): choose another file "
            "with --dead_letters"
        )

    def _renamed(self, number: int) -> Path:
        return Path(f"{self._path}.{number}")

    def _append(self, lines: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._open(len(lines))
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                _write_all(file, lines)
                return
            _remove_cut_line(self._path, file)
            before = os.fstat(file).st_size
            try:
                _write_all(file, lines)
            except OSError:
                os.ftruncate(file, before)
                raise
        finally:
            os.close(file)

    def _open(self, size: int) -> int:
        """Opens and locks the file that has room for so many bytes."""
        while True:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                found = os.fstat(file)
                if not stat.S_ISREG(found.st_mode):
                    return file
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._is_current(file):
                    used = os.fstat(file).st_size
                    if not self._max_bytes or not used or used + size <= self._max_bytes:
                        return file
                    self._rotate()
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _is_current(self, file: int) -> bool:
        """Whether another process has not renamed the file since it was opened."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        if not self._keep:
            self._path.unlink()
            return
        for number in range(self._keep - 1, 0, -1):
            older = self._renamed(number)
            if older.exists():
                older.replace(self._renamed(number + 1))
        self._path.replace(self._renamed(1))


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _remove_cut_line(path: Path, file: int) -> None:
    """Removes what follows the last line's end."""
    end = os.fstat(file).st_size
    with path.open("rb") as reader:
        while end:
            start = max(0, end - _TAIL_BYTES)
            reader.seek(start)
            tail = reader.read(end - start)
            place = tail.rfind(b"\n")
            if place >= 0:
                end = start + place + 1
                break
            end = start
    if end < os.fstat(file).st_size:
        os.ftruncate(file, end)

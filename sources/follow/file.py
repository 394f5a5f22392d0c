"""A file that is looked at again, and read when it has changed."""

from __future__ import annotations

import logging
import threading
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from sources.errors import SourceError

SETTLE = 1.0
"""A time is answered when the file was looked at so many seconds after it."""

LOOK_EVERY = 1.0
"""Seconds between two looks for times that are ahead of the clock."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What tells one content of a file from another.

    Attributes:
        modified: time of the last change, in seconds since the epoch.
        size: bytes.
    """

    modified: float
    size: int


def version_of(option: str, path: str, most_bytes: int) -> FileVersion:
    """The file as it is now.

    Args:
        option: the option that names the file, for errors.
        path: the file.
        most_bytes: a larger file is refused.

    Raises:
        SourceError: it is not there, or too large.
    """
    try:
        found = FileSystems.match([path])[0].metadata_list
    except (BeamIOError, ValueError, OSError) as error:
        raise SourceError(f"{option} {path} cannot be looked at: {error}") from error
    if len(found) != 1:
        what = "there is no such file" if not found else "it names several files: give one"
        raise SourceError(f"{option} {path}: {what}")
    if found[0].size_in_bytes > most_bytes:
        raise SourceError(f"{option} {path}: it is larger than {most_bytes:,} bytes")
    return FileVersion(found[0].last_updated_in_seconds or 0.0, found[0].size_in_bytes)


class FileFollower:
    """Looks at a file for times, and calls `read` for each version that is new.

    A version that cannot be used is left out, with a line in the log.

    Args:
        option: the option that names the file, for errors.
        path: the file.
        most_bytes: a larger file is refused.
        follow: whether it is looked at again.
        read: reads a version that follows the first one.
        clock: seconds since the epoch.

    Raises:
        SourceError: the file cannot be looked at now.
    """

    def __init__(
        self,
        option: str,
        path: str,
        most_bytes: int,
        follow: bool,
        read: Callable[[FileVersion], None],
        clock: Callable[[], float] = clocks.time,
    ) -> None:
        self._place, self._follow = (option, path, most_bytes), follow
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._looked = clock()
        self.first = self._version = version_of(*self._place)

    def follow(self, time: int) -> None:
        """Looks at the file if that is needed to answer for a time in seconds since the epoch."""
        if self._follow and self._looked < time + SETTLE:
            with self._lock:
                now = self._clock()
                if self._looked < time + SETTLE and now - self._looked >= LOOK_EVERY:
                    self._look(now)

    def _look(self, now: float) -> None:
        try:
            version = version_of(*self._place)
            if version != self._version:
                self._read(version)
                self._version = version
                _LOG.warning("%s %s: its new version is in use", *self._place[:2])
        except SourceError as error:
            _LOG.warning("%s; the version before stays in use", error)
        self._looked = now

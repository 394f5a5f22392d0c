"""A disk with little room, in place of `os.write`."""

import errno
import os

WRITE = os.write


class FullDisk:
    """Writes until the room is used up, then part of what is asked for, then nothing.

    Args:
        room: bytes that can be written.
        frees: failed writes after which there is room for all.
    """

    def __init__(self, room: int, frees: int) -> None:
        self.room, self.frees, self.failed = room, frees, 0

    def write(self, file: int, data: memoryview) -> int:
        if self.failed >= self.frees:
            return WRITE(file, data)
        if not self.room:
            self.failed += 1
            self.room = 10  # What the file is cut by becomes free.
            raise OSError(errno.ENOSPC, "No space left on device")
        written = WRITE(file, data[: self.room])
        self.room -= written
        return written

"""Files to blocks of whole lines, a few megabytes at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

from sources.files.plan import FileRange, open_file, unzipped

BLOCK_BYTES = 2 << 20
"""Bytes read at a time: some 60,000 lines, and a batch of events of 1.5 MB."""


def read_blocks(piece: FileRange, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, bytes]]:
    """The whole lines that begin in a range, as blocks with their offsets in the text.

    Only a block and a line's beginning are held at a time.

    Args:
        piece: a range of a CSV file, or a gzipped one.
        block_bytes: bytes to read at a time; a longer line makes a longer block.

    Raises:
        OSError, EOFError, zlib.error: the file cannot be read, or is cut short (gzip).
    """
    with ExitStack() as stack:
        stream = stack.enter_context(open_file(piece.path))
        if piece.kind == "gzip":
            stream = stack.enter_context(unzipped(stream))
        at = _seek_line(stream, piece.start)
        for begin, block in _whole_lines(stream, at, piece.stop, block_bytes):
            if begin == 0 and block.startswith(codecs.BOM_UTF8):
                yield len(codecs.BOM_UTF8), block[len(codecs.BOM_UTF8) :]
            else:
                yield begin, block


def _seek_line(stream: IO[bytes], start: int) -> int:
    """Goes to the first line that begins at `start` or after it, and says where that is."""
    if start == 0:
        return 0
    stream.seek(start - 1)
    at = start - 1
    while part := stream.readline(1 << 20):
        at += len(part)
        if part.endswith(b"\n"):
            break
    return at


def _whole_lines(
    stream: IO[bytes], at: int, stop: int, block_bytes: int
) -> Iterator[tuple[int, bytes]]:
    rest: list[bytes] = []
    held = 0
    while stop < 0 or at < stop:
        part = stream.read(block_bytes)
        cut = part.rfind(b"\n") + 1
        if stop >= 0 and at + held + len(part) >= stop:
            # The line that holds the byte before `stop` is the range's last.
            last = part.find(b"\n", max(stop - 1 - at - held, 0)) + 1
            if last:
                yield at, b"".join((*rest, part[:last]))
                return
        if cut:
            block = b"".join((*rest, part[:cut]))
            yield at, block
            at += len(block)
            rest, held = [part[cut:]], len(part) - cut
        elif part:
            rest.append(part)
            held += len(part)
        else:
            if held:
                yield at, b"".join(rest)
            return

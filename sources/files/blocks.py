"""Files to blocks of whole lines, a few megabytes at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, NamedTuple

from sources.files.plan import FileRange, open_file, unzipped
from sources.parsing.malformed import CUT_BYTES

BLOCK_BYTES = 2 << 20
"""Bytes read at a time: some 60,000 lines, and a batch of events of 1.5 MB."""

MAX_LINE = 1 << 20
"""The longest line that is read, in bytes without its end, unless another limit is given."""


class Block(NamedTuple):
    """Whole lines of a file, or one line that is too long.

    Attributes:
        start: the offset of the first byte in the (uncompressed) text.
        lines: whole lines; of a line that is too long the beginning.
        size: the bytes of the line that is too long, without its LF; 0 for whole lines.
    """

    start: int
    lines: bytes
    size: int = 0


def read_blocks(
    piece: FileRange, block_bytes: int = BLOCK_BYTES, max_line: int = MAX_LINE
) -> Iterator[Block]:
    """The whole lines that begin in a range.

    Of a line that is too long only the beginning is kept, so that no more than a block and a
    line of the longest allowed size are held at a time.

    Args:
        piece: a range of a CSV file, or a gzipped one.
        block_bytes: bytes to read at a time.
        max_line: the longest line, in bytes without its LF.

    Raises:
        OSError, EOFError, zlib.error: the file cannot be read, or is cut short (gzip).
    """
    with ExitStack() as stack:
        stream = stack.enter_context(open_file(piece.path))
        if piece.kind == "gzip":
            stream = stack.enter_context(unzipped(stream))
        at = _seek_line(stream, piece.start)
        for block in _whole_lines(stream, at, piece.stop, block_bytes, max_line):
            if block.start == 0 and block.lines.startswith(codecs.BOM_UTF8):
                mark = len(codecs.BOM_UTF8)
                yield Block(mark, block.lines[mark:], max(block.size - mark, 0))
            else:
                yield block


def _seek_line(stream: IO[bytes], start: int) -> int:
    """Seeks to the first line that begins at `start` or after it; returns its offset."""
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
    stream: IO[bytes], begin: int, stop: int, block_bytes: int, max_line: int
) -> Iterator[Block]:
    """Blocks of the lines that begin from `begin` on and before `stop` (-1: to the end)."""
    held: list[bytes] = []  # The line that is not finished yet, or its beginning.
    size = 0
    at = begin
    while stop < 0 or begin < stop:
        part = stream.read(block_bytes)
        if not part:
            yield from _long_or_not(begin, b"".join(held), size, max_line)
            return
        if stop >= 0 and at + len(part) >= stop:
            # The line that holds the byte before `stop` is the range's last.
            last = part.find(b"\n", max(stop - 1 - at, 0)) + 1
            part = part[:last] if last else part
        cut = part.rfind(b"\n") + 1
        if cut:
            first = part.find(b"\n") + 1
            if size + first - 1 > max_line:
                start = b"".join((*held, part[:first]))[:CUT_BYTES]
                yield Block(begin, start, size + first - 1)
                yield from _split_long(at + first, part[first:cut], max_line)
            else:
                yield from _split_long(begin, b"".join((*held, part[:cut])), max_line)
            begin = at + cut
            held, size = [part[cut:]], len(part) - cut
        else:
            held.append(part)
            size += len(part)
        if size > max_line:
            held = [b"".join(held)[:CUT_BYTES]]
        at += len(part)


def _long_or_not(begin: int, line: bytes, size: int, max_line: int) -> Iterator[Block]:
    """The last line of a file, which has no LF."""
    if size > max_line:
        yield Block(begin, line[:CUT_BYTES], size)
    elif size:
        yield Block(begin, line)


def _split_long(begin: int, text: bytes, max_line: int) -> Iterator[Block]:
    """Whole lines as blocks; each line that is too long is a block of its own."""
    done = line = 0
    while len(text) - line > max_line:
        # All lines up to the last LF within the limit are short enough.
        newline = text.rfind(b"\n", line, line + max_line + 1)
        if newline >= 0:
            line = newline + 1
            continue
        if line > done:
            yield Block(begin + done, text[done:line])
        end = text.find(b"\n", line + max_line + 1)
        yield Block(begin + line, text[line : line + CUT_BYTES], end - line)
        done = line = end + 1
    if done < len(text):
        yield Block(begin + done, text[done:])

"""Fuzzes the blocks of a file: ranges and blocks of any size give what the lines give alone."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sources.parsing", "sources.files.blocks"]):
    from sources.files.blocks import read_blocks
    from sources.files.plan import FileRange
    from sources.parsing.blocks import parse_block
    from sources.parsing.layout import Layout
    from sources.parsing.lines import Row, parse_line

SEEDS = (
    b'\x05\x04\x09\x011,2,pv,3\n"4","5",buy,6\r\n\n7,8,x,9\n',
    b"\x01\x02\x03\x02\xef\xbb\xbf1,2,pv,3\n\r\xff,2,fav,4\n11,2,pv,9999999999999\n1",
)
LAYOUT = Layout(width=4, user=0, item=1, time=3, behavior=2)


def check(data: bytes) -> None:
    """Reads a file whose first bytes are the sizes of a block, a line and a range."""
    sizes, text = data[:4].ljust(4, b"\1"), b"h\n" + data[4:]
    block_bytes, max_line, range_bytes = sizes[0] + 1, sizes[1] + 8, sizes[2] * sizes[3] + 1
    PATH.write_bytes(text)
    events: list[tuple[int, ...]] = []
    malformed: list[tuple[int, str]] = []
    for start in range(2, len(text), range_bytes):
        piece = FileRange(str(PATH), "csv", start, min(start + range_bytes, len(text)), LAYOUT)
        for block in read_blocks(piece, block_bytes, max_line):
            if block.size:
                malformed.append((block.start, "too long"))
                continue
            found, lines = parse_block(block.lines, LAYOUT)
            events += zip(*(column.tolist() for column in found.columns()), strict=True)
            malformed += [(block.start + line.start, line.reason) for line in lines]
    assert (events, malformed) == expected(text, max_line)


def expected(text: bytes, max_line: int) -> tuple[list[tuple[int, ...]], list[tuple[int, str]]]:
    """The same, line by line."""
    events: list[tuple[int, ...]] = []
    malformed: list[tuple[int, str]] = []
    start = 0
    for line in text.split(b"\n"):
        content = line.removesuffix(b"\r")
        if start >= 2 and len(line) > max_line:
            malformed.append((start, "too long"))
        elif start >= 2 and content:
            found = parse_line(content, LAYOUT)
            if isinstance(found, Row):
                events.append(tuple(found))
            else:
                malformed.append((start, found.reason))
        start += len(line) + 1
    return events, malformed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PATH = Path(folder) / "f"
        atheris.Setup(sys.argv, check)
        atheris.Fuzz()

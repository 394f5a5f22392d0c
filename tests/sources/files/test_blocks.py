"""Blocks of whole lines: each line once, and of a line that is too long its beginning alone."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.files import blocks
from sources.files.blocks import read_blocks
from sources.files.plan import FileRange


@settings(deadline=None)
@given(
    text=st.lists(st.sampled_from([b"\n", b"a", b"bcd", b"\r\n", b"e" * 9, b"\xef\xbb\xbf"])).map(
        b"".join
    ),
    cuts=st.lists(st.integers(1, 60)),
    block_bytes=st.integers(1, 9),
    max_line=st.integers(1, 12),
    cut_bytes=st.integers(1, 5),
)
def test_each_line_is_whole_or_too_long(
    tmp_path_factory: pytest.TempPathFactory,
    text: bytes,
    cuts: list[int],
    block_bytes: int,
    max_line: int,
    cut_bytes: int,
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "f"
    # The mark at the beginning of a file belongs to the header, which is read apart.
    text = b"h\n" + text
    path.write_bytes(text)
    expected = [
        (found.start(), found[0], len(found[0].rstrip(b"\n")))
        for found in re.finditer(rb"[^\n]*\n|[^\n]+", text)
        if found.start() >= 2
    ]
    edges = sorted({2, *(cut for cut in cuts if 2 < cut < len(text)), len(text)})
    got: list[tuple[int, bytes, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CUT_BYTES", cut_bytes)
        for start, stop in pairwise(edges):
            piece = FileRange(str(path), "csv", start, stop, None)
            for at, lines, size in read_blocks(piece, block_bytes, max_line):
                if size:
                    got.append((at, lines, size))
                    continue
                got += [
                    (at + found.start(), found[0], len(found[0].rstrip(b"\n")))
                    for found in re.finditer(rb"[^\n]*\n|[^\n]+", lines)
                ]
    assert got == [
        (at, line if size <= max_line else line[:cut_bytes], size) for at, line, size in expected
    ]


def test_the_last_line_without_an_end_may_be_too_long(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"ab\n" + b"c" * 5_000)
    piece = FileRange(str(path), "csv", 0, 5_003, None)
    assert list(read_blocks(piece, 64, 100)) == [(0, b"ab\n", 0), (3, b"c" * 1024, 5_000)]

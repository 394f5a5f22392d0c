"""Scans of text files against a loop over their lines."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.raw_files import RawLogError
from training.datasets.text_files import copy_without_long_lines, scan

TEXTS = st.lists(st.sampled_from([b"a", b'"', b"\n", b"bbbb", b"cccccccc"])).map(b"".join)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@given(content=TEXTS, max_line=st.integers(1, 9))
def test_against_a_loop(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes, max_line: int
) -> None:
    folder = tmp_path_factory.mktemp("files")
    path, copy = folder / f"text{suffix}", folder / "copy.csv"
    path.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)
    lines = content.splitlines(keepends=True)
    kept = [line for line in lines if len(line.rstrip(b"\n")) <= max_line]
    found = scan(path, max_line)
    assert (found.quotes, found.too_long) == (b'"' in content, len(lines) - len(kept))
    copy_without_long_lines(path, copy, max_line)
    assert copy.read_bytes() == b"".join(kept)


def test_a_file_that_ends_too_soon_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,3\n" * 1_000)[:-9])
    with pytest.raises(RawLogError, match=r"cut\.csv\.gz: cannot be read"):
        scan(path, 100)

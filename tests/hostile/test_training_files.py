"""Files given to `training.prepare` that an attacker, a bug or a broken machine would give.

A file that cannot be used is one line that names it. A line that is no event is counted as
malformed; its neighbours are kept.
"""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.prepare import main

pytestmark = pytest.mark.hostile

HEADER = b"user,item,time\n"
EVENTS = b"1,2,3\n4,5,6\n"
MIB = 1 << 20


def refused(capsys: pytest.CaptureFixture[str], path: Path, output: Path) -> str:
    with pytest.raises(SystemExit) as left:
        main(["--input", str(path), "--output", str(output)])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.strip().count("\n") == 0
    assert path.name in said
    assert not (output / "meta.json").exists()
    return said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("junk.parquet", b"PAR1" + b"x" * 100, "cannot be read"),
        ("cut.csv.gz", gzip.compress(HEADER + EVENTS * 5_000)[:-9], "cannot be read"),
        ("junk.csv.gz", b"no gzip at all", "cannot be read"),
        ("empty.csv", b"", "is empty"),
        ("line.csv", b"0" * (2 * MIB), "its first line is longer"),
        ("zeros.csv.gz", gzip.compress(b"0" * (64 * MIB), 1), "its first line is longer"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    name: str, content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert message in refused(capsys, tmp_path / name, tmp_path / "data")


def test_a_pipe_does_not_hang(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no regular file" in refused(capsys, tmp_path / "pipe.csv", tmp_path / "data")


@pytest.mark.parametrize(
    ("lines", "malformed"),
    [
        (b"\0\0,5,6\n", 1),
        (b"4,\xff\xfe,6\n", 1),
        (b"nan,5,6\n4,inf,6\n4,5,1e400\n", 3),
        (b"9" * 400 + b",5,6\n", 1),
        (b"4,5,253402300800\n4,5,-1\n", 2),
        (b"0" * (2 * MIB) + b",5,6\n", 1),
        (b'"' * 10_000 + b"\n", 1),
        (b'4,"5,6\n', 1),
        (b"4,5,6,7\n4,5\n", 2),
    ],
)
def test_lines_that_are_no_events_are_counted_and_their_neighbours_kept(
    lines: bytes, malformed: int, tmp_path: Path
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(HEADER + b"1,2,3\n" + lines + b"4,5,6\n")
    assert main(["--input", str(path), "--output", str(tmp_path / "data")]) == 0
    meta = json.loads((tmp_path / "data" / "meta.json").read_text())
    assert (meta["events"], meta["malformed"]) == (2, malformed)
    assert meta["rows"] == 2 + malformed


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEADER + EVENTS)
    assert main(["--input", str(path), "--output", str(tmp_path / "data")]) == 0
    assert json.loads((tmp_path / "data" / "meta.json").read_text())["events"] == 2


def test_memory_does_not_depend_on_the_longest_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER + b"1,2,3\n")
        for _ in range(96):
            file.write(b"0" * MIB)
        file.write(b"\n4,5,6\n")
    peak = peak_memory(["--input", str(path), "--output", str(tmp_path / "data")])
    path.write_bytes(gzip.compress(HEADER + EVENTS))
    usual = peak_memory(["--input", str(path), "--output", str(tmp_path / "data")])
    assert peak - usual < 60 * MIB


def peak_memory(arguments: list[str]) -> int:
    """Bytes of `training.prepare` in a process of its own."""
    code = (
        "import resource, sys; from training.prepare import main; main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) * 1024

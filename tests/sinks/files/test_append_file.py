"""Whole lines in a file that several processes append to."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.base import SinkError
from sinks.files import append_file
from sinks.files.append_file import AppendFile
from tests.sinks.files.full_disk import FullDisk


def lines(path: Path) -> list[str]:
    text = path.read_text()
    assert not text or text.endswith("\n")
    return text.splitlines()


def test_lines_are_appended_and_folders_are_made(tmp_path: Path) -> None:
    file = AppendFile(str(tmp_path / "a" / "b" / "letters"))
    file.append(b"1\n2\n")
    file.append(b"3\n")
    assert lines(tmp_path / "a" / "b" / "letters") == ["1", "2", "3"]


def test_on_a_full_disk_the_file_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "letters"
    file = AppendFile(str(path))
    file.append(b"first\n")
    disk = FullDisk(room=5, frees=2)
    monkeypatch.setattr(append_file.os, "write", disk.write)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left") as caught:
            file.append(b"second line\n")
        assert file.is_outage(caught.value)
        assert lines(path) == ["first"]
    file.append(b"second line\n")
    assert lines(path) == ["first", "second line"]


@pytest.mark.parametrize("cut", [b"cut", b"x" * 200_000, b""])
def test_a_line_that_a_crash_has_cut_is_removed(tmp_path: Path, cut: bytes) -> None:
    path = tmp_path / "letters"
    for whole, expected in ((b"one\n", ["one", "two"]), (b"", ["two"])):
        path.write_bytes(whole + cut)
        AppendFile(str(path)).append(b"two\n")
        assert lines(path) == expected


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), max_size=30),
    max_bytes=st.sampled_from([0, 1, 20, 50]),
    keep=st.integers(0, 3),
)
def test_rotation_keeps_the_latest_lines(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], max_bytes: int, keep: int
) -> None:
    path = tmp_path_factory.mktemp("rotation") / "letters"
    file = AppendFile(str(path), max_bytes, keep)
    files: list[list[str]] = [[]]
    used = 0
    for number, size in enumerate(sizes):
        line = f"{number:02}" + "x" * size
        file.append(f"{line}\n".encode())
        if max_bytes and used and used + len(line) + 1 > max_bytes:
            files.append([])
            used = 0
        files[-1].append(line)
        used += len(line) + 1
    kept = files[::-1][: keep + 1]
    found = [path, *(Path(f"{path}.{number}") for number in range(1, len(kept)))]
    if sizes:
        assert [lines(one) for one in found] == kept
        assert len(list(path.parent.iterdir())) == len(kept)


def test_processes_that_append_and_rotate_at_once_lose_and_cut_nothing(tmp_path: Path) -> None:
    path = tmp_path / "letters"
    code = (
        "import sys; from sinks.files.append_file import AppendFile\n"
        f"file = AppendFile({str(path)!r}, 5_000, 1_000)\n"
        "for at in range(200):\n"
        "    lines = [f'{sys.argv[1]}-{at}-{n}\\n' for n in range(9)]\n"
        "    file.append(''.join(lines).encode())"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    assert [one.wait(120) for one in running] == [0, 0, 0]
    found = [line for one in tmp_path.iterdir() for line in lines(one)]
    expected = [f"{name}-{at}-{n}" for name in "abc" for at in range(200) for n in range(9)]
    assert sorted(found) == sorted(expected)
    assert len(list(tmp_path.iterdir())) > 3


def test_a_path_that_cannot_be_written_to_is_no_outage(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"Is a directory.*--dead_letters") as caught:
        AppendFile(str(tmp_path)).append(b"1\n")
    assert not AppendFile("x").is_outage(caught.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="--dead_letters"):
        AppendFile(str(tmp_path / "file" / "letters")).append(b"1\n")
    assert not AppendFile("x").is_outage(OSError(errno.EACCES, "Permission denied"))


def test_an_earlier_runs_files_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("letters", "letters.1", "letters.2", "letters.3", "other"):
        (tmp_path / name).write_text("1\n")
    AppendFile(str(tmp_path / "letters"), keep=2).remove()
    AppendFile(str(tmp_path / "none"), keep=2).remove()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["letters.3", "other"]
    AppendFile("/dev/null").remove()
    assert Path("/dev/null").exists()
    with pytest.raises(SinkError, match=r"Is a directory.*--dead_letters"):
        AppendFile(str(tmp_path)).remove()


def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    AppendFile("/dev/null", 1, 1).append(b"1\n")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    AppendFile(str(tmp_path / "pipe"), 1, 1).append(b"one\n")
    assert os.read(reader, 100) == b"one\n"
    os.close(reader)

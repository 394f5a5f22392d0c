"""`pipelines.inspect` looks at files that nobody has looked at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sources.errors import SourceError
from sources.schema.sample import Inspected

pytestmark = pytest.mark.hostile

GOOD = b'{"user":1,"item":2,"time":1500000000}\n'
PATHS = {"user", "item", "time"}
MOST = 10_000


def paths_of(path: Path) -> list[str]:
    return list(Inspected(str(path), MOST).sample().columns)


@pytest.mark.parametrize("depth", [100, 960, 100_000])
def test_objects_that_are_nested_deeply_do_not_end_it(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "deep.jsonl"
    deep = b'{"user":1,"item":2,"time":3,"a":' + b'{"b":' * depth + b"1" + b"}" * depth + b"}\n"
    path.write_bytes(GOOD + deep + GOOD)
    assert set(paths_of(path)) == PATHS


def test_a_million_names_take_a_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "names.jsonl"
    line = '{"user":1,"item":2,"time":3,%s}\n'
    path.write_text(
        "".join(line % ",".join(f'"{row}_{name}":1' for name in range(200)) for row in range(2000))
    )
    found = paths_of(path)
    assert len(found) == 1000
    assert set(found) > PATHS


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SourceError, match="is a pipe"):
        Inspected(str(path), MOST)


def test_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    command = (sys.executable, "-m", "pipelines.inspect", str(path))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr

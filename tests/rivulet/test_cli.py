"""The command `rivulet`: its list, its errors, and that it is `python -m` by another name."""

import subprocess
import sys
from pathlib import Path

import pytest

from rivulet import __version__
from rivulet.cli import COMMANDS, main
from rivulet.settings import PROGRAM, ArgumentParser

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("argv", [["--help"], ["-h"], []])
def test_help_lists_each_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == (0 if argv else 2)
    text = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in text
        assert command.description in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rivulet {__version__}\n"


def test_an_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recomend"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no command 'recomend'" in line


def test_messages_name_the_program_as_it_was_called() -> None:
    assert ArgumentParser(prog="python -m training.train").prog == "python -m training.train"
    token = PROGRAM.set("rivulet train")
    try:
        assert ArgumentParser(prog="python -m training.train").prog == "rivulet train"
    finally:
        PROGRAM.reset(token)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_command_runs_its_module(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "rivulet", name, "--help"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.startswith(f"usage: rivulet {name}")

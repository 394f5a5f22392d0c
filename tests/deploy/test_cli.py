"""The command: up, status, down, and bad options."""

from pathlib import Path

import pytest

from deploy.cli import main
from rivulet.system.ports import free_port


@pytest.mark.servers
def test_up_status_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    data = ("--data", str(tmp_path))
    try:
        assert main(("up", "redis", *data, "--port", f"redis={port}")) == 0
        assert f"redis://127.0.0.1:{port}/0" in capsys.readouterr().out
        assert main(("status", *data)) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in lines if line.startswith("redis")] == [
            ["redis", "running"]
        ]
        assert [line.split()[:2] for line in lines if line.startswith("kafka")] == [
            ["kafka", "stopped"]
        ]
    finally:
        assert main(("down", *data)) == 0
    assert "stopped redis" in capsys.readouterr().out
    assert main(("down", *data)) == 0
    assert "nothing was running" in capsys.readouterr().out


@pytest.mark.servers
def test_a_component_that_fails_is_one_clear_text_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    data = tmp_path / "first"
    try:
        assert main(("up", "redis", "--data", str(data), "--port", f"redis={port}")) == 0
        other = ("--data", str(tmp_path / "second"), "--port", f"redis={port}")
        assert main(("up", "redis", *other)) == 1
        assert f"redis: redis: port {port} is taken" in capsys.readouterr().err
    finally:
        main(("down", "--data", str(data)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("up", "oracle"), "unknown name 'oracle'"),
        (("up", "--port", "redis"), "not NAME=PORT"),
        (("up", "--port", "redis=99999"), "not NAME=PORT"),
        (("up", "--port", "oracle=1521"), "names none of"),
        (("sideways",), "invalid choice"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(("--help",))
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("up", "down", "status", "--data", "--port", ".rivulet"))

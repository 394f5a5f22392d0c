import subprocess
import sys

import pytest

from serving.options import is_loopback, parse


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--host", "192.0.2.1"], "a token is needed"),
        (["--token", "short"], "16"),
        (["--port", "70000"], "no port"),
        (["--port", "x"], "--port"),
        (["--nosuch"], "--nosuch"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(options)
    line = capsys.readouterr().err
    assert (end.value.code, line.count("\n")) == (2, 1)
    assert says in line


def test_a_bad_store_is_one_line_and_status_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving", "--store", "nosuch://u:secret@h/x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "secret" not in done.stderr


def test_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "::1")))
    assert not any(map(is_loopback, ("192.0.2.1", "10.1.2.3", "example.org")))


def test_the_server_starts_without_beam_and_torch() -> None:
    """They take seconds to load: torch comes in the background, with the models."""
    code = "import sys, serving.app; print({'apache_beam', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

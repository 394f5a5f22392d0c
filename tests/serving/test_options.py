import subprocess
import sys
from pathlib import Path

import pytest

from serving.__main__ import main
from serving.options import LimitSettings, ServingSettings, is_loopback, parse
from tests.serving.in_process import application
from tests.serving.tables import END, fill, sample


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--host", "192.0.2.1"], "a token is needed"),
        (["--token", "short"], "16"),
        (["--port", "70000"], "no port"),
        (["--port", "x"], "--port"),
        (["--nosuch"], "--nosuch"),
        (["--max_headers", "1"], "--max_headers"),
        (["--request_timeout", "0"], "--request_timeout"),
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


def test_the_defaults_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIVULET_TOKEN", raising=False)
    assert parse([]) == (ServingSettings(), LimitSettings())


def test_the_token_comes_from_the_environment_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RIVULET_TOKEN", "0123456789abcdef")
    settings, _ = parse(["--host", "192.0.2.1"])
    assert settings.token == "0123456789abcdef"  # noqa: S105
    assert "0123456789abcdef" not in repr(settings)


def test_a_store_takes_values_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(f"sqlite:///{tmp_path}/rivulet.db", sample())
    monkeypatch.setenv("STORE_FOLDER", str(tmp_path))
    with application("sqlite:///${STORE_FOLDER}/rivulet.db") as client:
        assert client.get("/popular").json()["window_end"] == END
    monkeypatch.delenv("STORE_FOLDER")
    assert main(["--store=sqlite:///${STORE_FOLDER}/rivulet.db"]) == 2
    line = capsys.readouterr().err
    assert "STORE_FOLDER is not set" in line
    assert line.count("\n") == 1


def test_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "::1")))
    assert not any(map(is_loopback, ("192.0.2.1", "10.1.2.3", "example.org")))


def test_the_server_starts_without_beam_and_torch() -> None:
    """They take seconds to load: torch comes in the background, with the models."""
    code = "import sys, serving.app; print({'apache_beam', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_help_imports_no_web_framework_and_no_driver() -> None:
    code = (
        "import sys, serving.options, serving.__main__; "
        "print({'fastapi', 'uvicorn', 'numpy', 'sqlalchemy', 'pymongo', 'redis'} "
        "& set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

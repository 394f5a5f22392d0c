"""No answer, metric or log of the server has a part of a store's password."""

from pathlib import Path

import httpx
import pytest

from tests.serving.running import serving

PASSWORDS = ("s3/cret", "s3?cret", "s3#cret", "s3@cret", "s3:cret")
PATHS = (
    "/health",
    "/metrics",
    "/popular",
    "/users",
    "/users/1/history",
    "/users/1/recommendations?outcomes=true",
    "/job",
    "/policies",
)


def test_passwords_with_any_character_are_not_shown(tmp_path: Path) -> None:
    stores = [
        f"--store={scheme}://user:{password}@127.0.0.1:1/0"
        for scheme in ("mysql+pymysql", "redis", "mongodb")
        for password in PASSWORDS
    ]
    with serving(tmp_path, *stores, models=False, store_timeout=0.5) as address:
        with httpx.Client(base_url=address, timeout=60) as client:
            answers = [client.get(path).text for path in PATHS]
        assert "mysql+pymysql://127.0.0.1:1/0" in answers[0]
        with httpx.stream("GET", f"{address}/events", timeout=60) as events:
            answers.append(next(events.iter_text()))
    for text in (*answers, (tmp_path / "serving.log").read_text()):
        assert "cret" not in text
        assert "s3" not in text


@pytest.mark.parametrize(
    "url", ["redis://:s3/cret@h:port/0", "mongodb://u:s3cret@/db?x=1", "nosuch://u:s3cret@h/x"]
)
def test_a_url_that_cannot_be_used_is_one_line_without_its_password(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from serving.__main__ import main

    assert main([f"--store={url}", "--model=none"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "cret" not in line
    assert "s3" not in line

"""TLS and SASL against a real broker; a secret is in no log, error, summary or help."""

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from deploy.process_reaper import ProcessReaper
from pipelines import record, replay
from sources.kafka import errors
from sources.kafka.url import parse_url
from tests.sources.kafka.secure_kafka import PASSWORD, USER, SecureKafka

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def secure(server_data: ProcessReaper) -> Iterator[SecureKafka]:
    with SecureKafka(server_data.folder / "secure") as server:
        server.let_in_by_scram()
        yield server


@pytest.fixture
def clicks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECRET", PASSWORD)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,time\n1,2,1000\n3,4,1001\nnone,4,1001\n")
    return path


def recorded(printed: str) -> bool:
    words = " ".join(printed.replace("│", " ").split())
    return "lines read 3" in words and "events 2" in words and "malformed 1" in words


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_replay_and_record_through_tls_and_sasl(
    secure: SecureKafka, unique: str, clicks: Path, mechanism: str,
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    url = secure.topic_url(unique, sasl_mechanism=mechanism)
    assert replay.main([f"--input={clicks}", f"--output={url}", "--keep_malformed"]) == 0
    assert record.main([f"--input={url}", "--kafka_stop_at=latest"]) == 0
    printed = capsys.readouterr()
    assert recorded(printed.out)
    assert "rivulet.db" in printed.out

    bare = f"kafka://127.0.0.1:{secure.ports['secure']}/{unique}"
    options = (
        f"--kafka_user={USER}", "--kafka_password=${SECRET}", "--kafka_security_protocol=SASL_SSL",
        f"--kafka_ssl_cafile={secure.certificate}", f"--kafka_sasl_mechanism={mechanism}",
    )  # fmt: skip
    assert record.main([f"--input={bare}", "--kafka_stop_at=latest", *options]) == 0
    more = capsys.readouterr()
    assert recorded(more.out)
    in_url = secure.topic_url(unique, user=f"{USER}:{quote(PASSWORD, safe='')}")
    assert record.main([f"--input={in_url}", "--kafka_stop_at=latest"]) == 0
    last = capsys.readouterr()
    assert recorded(last.out)
    files = "".join(path.read_text() for path in Path().glob("rivulet*.[lj]*"))
    assert f"{unique}/" in files
    no_secret_in(files + caplog.text + "".join(t.out + t.err for t in (printed, more, last)))


def no_secret_in(text: str) -> None:
    for secret in (PASSWORD, PASSWORD[:6], "p%40ss"):
        assert secret not in text


@pytest.mark.parametrize(
    ("command", "user", "query", "words"),
    [
        ("record", f"{USER}:wrong-s3cret", {}, "password"),
        ("replay", f"{USER}:wrong-s3cret", {}, "password"),
        ("record", f"{USER}:wrong-s3cret", {"sasl_mechanism": "SCRAM-SHA-256"}, "password"),
        (
            "record",
            f"{USER}:${{SECRET}}",
            {"ssl_cafile": "/no/such/file.pem"},
            "ssl_cafile",
        ),
        ("record", f"{USER}:${{SECRET}}", {"ssl_cafile": ""}, "certificate verify failed"),
        ("record", f"{USER}:${{NONE_SUCH}}", {}, "no variable NONE_SUCH"),
        (
            "record",
            f"{USER}:${{SECRET}}",
            {"sasl_mechanism": "MAGIC"},
            "must be one of",
        ),
    ],
)
def test_what_is_refused_is_said_in_a_line_without_the_secret(
    secure: SecureKafka, unique: str, clicks: Path, user: str, query: dict[str, str], words: str,
    command: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(errors, "PATIENT_MS", 3_000)
    url = secure.topic_url(unique, user, **query)
    if command == "record":
        with pytest.raises(SystemExit) as end:
            record.main([f"--input={url}", "--kafka_stop_at=latest"])
        assert end.value.code == 2
    else:
        try:
            status = replay.main([f"--input={clicks}", f"--output={url}"])
        except SystemExit as end:
            status = end.code
        assert status in (1, 2)
    printed = capsys.readouterr()
    assert len(printed.err.strip().splitlines()) == 1
    assert words in printed.err
    assert "s3cret" not in printed.out + printed.err + caplog.text
    no_secret_in(printed.out + printed.err + caplog.text)


def test_help_and_repr_show_no_secret(
    secure: SecureKafka, clicks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = secure.topic_url("t")
    with pytest.raises(SystemExit):
        record.main([f"--input={url}", "--kafka_password=${SECRET}", "--help"])
    parsed = parse_url(url)
    no_secret_in(capsys.readouterr().out + repr(parsed) + str(parsed))
    assert parsed.client()["sasl_plain_password"] == PASSWORD

"""`pipelines.inspect` on a topic whose values are those of a schema registry."""

import tomllib
from collections.abc import Sequence
from typing import Any

import pytest

from pipelines import inspect
from sources.schema import sample
from tests.sources.kafka import test_protobuf as protobuf
from tests.sources.kafka import test_registry as avro

registry = avro.registry
classes = protobuf.classes
schema = protobuf.schema


def values_are(monkeypatch: pytest.MonkeyPatch, values: Sequence[bytes]) -> None:
    monkeypatch.setattr(sample, "topic_values", lambda *_: list(values))


def test_avro(
    registry: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values_are(monkeypatch, [*(avro.encoded(kind=kind) for kind in ("view", "sale")), b"{}"])
    given = ["kafka://h:1/t", "--schema_registry", registry]
    assert inspect.main(given) == 0
    printed = capsys.readouterr().out
    fields = tomllib.loads(printed)["fields"]
    assert (fields["user"], fields["item"], fields["time"]) == ("who.id", "item", "at")
    assert "Of the rows that were looked at, 2 are events, 1 malformed" in printed
    assert "no value in the wire format of a schema registry" in printed
    assert "2025-10-09T08:53:20Z" in printed
    values_are(monkeypatch, [b"{}"])
    with pytest.raises(SystemExit):
        inspect.main(given)
    assert "none of the values can be read: no value in the wire" in capsys.readouterr().err


def test_protobuf(
    schema: Any,
    classes: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values_are(monkeypatch, [protobuf.encoded(protobuf.click(classes))] * 3)
    assert inspect.main(["kafka://h:1/t", "--schema_registry", schema.registry]) == 0
    printed = capsys.readouterr().out
    fields = tomllib.loads(printed)["fields"]
    assert (fields["user"], fields["item"], fields["time"]) == ("who.id", "lines[].item", "at")
    assert "6 are events, 0 malformed" in printed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a.csv", "--schema_registry", "http://h"], "needs a topic"),
        (["kafka://h:1/t", "--schema_registry", "ftp://h"], "must be http://HOST:PORT"),
        (["kafka://h:1/t", "--schema_registry", "http://${NO_SUCH_NAME}"], "NO_SUCH_NAME"),
        (["kafka://h:1/t"], "give its address with --schema_registry"),
    ],
)
def test_refused(
    given: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values_are(monkeypatch, [avro.encoded()])
    with pytest.raises(SystemExit):
        inspect.main(given)
    assert said in capsys.readouterr().err

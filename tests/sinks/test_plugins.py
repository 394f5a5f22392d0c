"""A store that a user adds, found by the scheme of its URL."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import apache_beam as beam
import pytest

from rivulet import plugins
from sinks import WriteTo, open_source, urls
from sinks.base import SinkError
from tests.sinks.example_store import CsvFolder
from tests.sinks.frames import ranking
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows

T = 1_500_000_000
INSTALLED = EntryPoints(
    [
        EntryPoint("csvfolder", "tests.sinks.example_store:CsvFolder", urls.GROUP),
        EntryPoint("broken", "tests.sinks.example_store:Nothing", urls.GROUP),
    ]
)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", INSTALLED.select)


def test_rows_are_written_to_a_users_own_store(tmp_path: Path) -> None:
    source = open_source(f"csvfolder://{tmp_path}/rankings")
    assert isinstance(source, CsvFolder)
    for _ in range(2):
        with beam.Pipeline() as pipeline:
            frames = [ranking(T, (7, 3), (8, 2)), ranking(T + 80, (9, 4))]
            _ = pipeline | beam.Create(frames) | WriteTo(source, PopularRows)
        files = {path.name: path.read_text() for path in (tmp_path / "rankings").iterdir()}
        assert files == {f"{T}.csv": "1,7,3\n2,8,2\n", f"{T + 80}.csv": "1,9,4\n"}


def test_rows_that_a_store_has_no_place_for_are_refused_when_the_graph_is_built() -> None:
    source = open_source("csvfolder:///shop")
    with pytest.raises(SinkError, match="csvfolder:///shop has no place for EventBatch"):
        WriteTo(source, EventBatch)


def test_a_plugin_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(SinkError, match=r"plugin for 'broken://'.*Nothing") as caught:
        open_source("broken://ann:s3cret@h/x")
    assert "s3cret" not in str(caught.value)


def test_a_scheme_that_nobody_has_registered_is_no_store() -> None:
    with pytest.raises(SinkError, match="no store that Rivulet can write to"):
        open_source("csvfolders:///shop")

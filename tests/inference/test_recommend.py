"""Recommend in a running stream: versions that come by CURRENT, and a model that fails."""

import threading
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.transforms.window import TimestampedValue

from inference.handler import PolicyHandler
from inference.models import versions as model_versions
from inference.models.choices import parse_models
from inference.models.registry import RegistrySource
from inference.recommend import Recommend, Recommended, _LoadEarly
from tests.fakes import FakeSource
from tests.inference.models.test_registry import save
from transforms.messages.events import EventBatch
from transforms.messages.ranking import LAST_USER, RankingRequest, States, WorkUnit
from transforms.messages.recommendations import Recommendations

USERS = np.array([100, 101, 555])


def due_at(time: int) -> RankingRequest:
    """Three users: two with full histories, and one whom only popular items are for."""
    n = len(USERS)
    histories = np.tile(7 + 3 * np.arange(10), (n, 1))
    return RankingRequest(
        user=USERS,
        time=np.full(n, time),
        state_index=np.arange(n),
        states=States(USERS, histories, np.array([10, 10, 2])),
        ranked=np.array([0, 1]),
        popular_index=np.zeros(n, np.int64),
        popular_items=np.array([[7, 901, 902]]),
        popular_length=np.array([3]),
        unit=WorkUnit(time // 20 - 1, time, LAST_USER, EventBatch.empty()),
    )


class Publish(beam.DoFn):
    """Names another version when a time comes, as somebody who trains beside the job does."""

    def __init__(self, folder: Path, versions: dict[int, str]) -> None:
        self._folder, self._versions = folder, versions

    def process(self, time: int) -> Iterator[tuple[int, RankingRequest]]:
        if time in self._versions:
            (self._folder / "CURRENT").write_text(self._versions[time])
        yield 0, due_at(time)


ROWS: dict[int, list[tuple[list[int], str]]] = {}
SERVED: dict[int, list[tuple[list[int], str]]] = {}
"""What was given at each time; what a check closes over would be copied."""


def lists_of(table: Recommendations) -> list[tuple[list[int], str]]:
    lists = zip(table.items, table.length, table.policy, strict=True)
    return [(items[:size].tolist(), policy.decode()) for items, size, policy in lists]


def keep(given: list) -> None:
    for _, shown in given:
        ROWS[int(shown.time[0])] = lists_of(shown.rows())


def keep_served(given: list) -> None:
    SERVED.update({int(table.time[0]): lists_of(table) for table in given})


def run_stream(publish: beam.DoFn, source: object, times: range) -> tuple[dict, object]:
    """What each time's rows are: (items, policy) by user; and the metrics."""
    ROWS.clear()
    SERVED.clear()
    stream = TestStream().advance_watermark_to(0)
    for time in times:
        stream = stream.add_elements([TimestampedValue(time, time)]).advance_watermark_to(time + 1)
    options = PipelineOptions()
    options.view_as(StandardOptions).streaming = True
    pipeline = beam.Pipeline(runner="BundleBasedDirectRunner", options=options)
    given = pipeline | stream.advance_watermark_to_infinity()
    recommended: Recommended = (
        given
        | beam.ParDo(publish).with_output_types(tuple[int, RankingRequest])
        | Recommend(source, 8, serve=True, early=given)
    )
    assert_that(recommended.batches, keep)
    assert_that(recommended.served, keep_served, label="served")
    result = pipeline.run()
    result.wait_until_finish()
    assert SERVED == ROWS
    return dict(ROWS), result.metrics()


def test_a_running_stream_takes_new_versions_and_outlives_broken_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_versions, "LOOK_EVERY", 0.0)
    for version in ("one", "two"):
        save(tmp_path / version, version)
    (tmp_path / "half").mkdir()
    (tmp_path / "CURRENT").write_text("one")
    publish = Publish(tmp_path, {40: "two", 80: "half", 120: "one"})
    source = RegistrySource(parse_models([str(tmp_path)]))
    rows, _ = run_stream(publish, source, range(20, 141, 20))
    versions = {time: {policy for _, policy in given[:2]} for time, given in rows.items()}
    assert versions == {
        time: {f"reinforce-{'two' if 40 <= time < 120 else 'one'}"} for time in range(20, 141, 20)
    }
    for given in rows.values():
        assert [len(items) for items, _ in given] == [8, 8, 2]
        # 7 is in the history.
        assert given[2] == ([901, 902], "popular")


def test_a_model_that_fails_leaves_popular_items_and_a_count(tmp_path: Path) -> None:
    class Broken:
        def load(self) -> "Broken":
            return self

        def rank(self, *given: object) -> None:
            raise RuntimeError("no memory")

    rows, metrics = run_stream(Publish(tmp_path, {}), Broken(), range(20, 41, 20))
    assert rows == {time: [([901, 902], "popular")] * 3 for time in (20, 40)}
    counts = {
        counter.key.metric.name: counter.committed
        for counter in metrics.query()["counters"]
        if counter.key.metric.namespace == "rivulet"
    }
    # This runner tells those of the last bundle.
    assert counts["model_failures"] == 1
    assert counts["recommendations_popular"] == 3
    assert counts["recommendations_policy"] == 0


def test_a_worker_loads_the_models_before_the_first_request() -> None:
    loaded = threading.Event()

    class SaysLoaded:
        def load(self) -> FakeSource:
            loaded.set()
            return FakeSource()

    _LoadEarly(PolicyHandler(SaysLoaded(), 8, False)).setup()
    assert loaded.wait(120)

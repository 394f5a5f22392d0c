"""ReadEvents in a pipeline: every line comes out once, counted, with its time."""

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.testing.util import assert_that, equal_to

from sources.errors import SourceError
from sources.options import InputSettings, is_file_input
from sources.read import ReadEvents
from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch
from transforms.messages.events import EventBatch


class Stamped(beam.DoFn):
    def process(
        self,
        batch: EventBatch,
        stamp: beam.utils.timestamp.Timestamp = beam.DoFn.TimestampParam,
    ) -> list[tuple[int, list[int]]]:
        return [(stamp.micros // 1_000_000, batch.time.tolist())]


def test_events_and_malformed_come_out_counted(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_bytes(b"user,item,time\n1,2,30\n\n3,4,20\nx,5,6\n7,8\n")
    pipeline = beam.Pipeline()
    read = pipeline | ReadEvents(InputSettings(str(path)))
    assert read.is_bounded_files
    assert read.late is None
    assert read.events.element_type is EventBatch
    assert read.malformed.element_type is DeadLetterBatch
    assert_that(read.events | beam.ParDo(Stamped()), equal_to([(20, [30, 20])]), "events")
    letters = [
        DeadLetter(f"{path}:byte 30", "not a number", "x,5,6", 6),
        DeadLetter(f"{path}:byte 36", "too few fields", "7,8", None),
    ]
    assert_that(read.malformed | beam.FlatMap(iter), equal_to(letters), "malformed")
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query(MetricsFilter().with_namespace("rivulet"))["counters"]
    assert {c.key.metric.name: c.committed for c in counters} == {
        "lines": 4,
        "events": 2,
        "malformed": 2,
    }


def test_no_input_is_said() -> None:
    with pytest.raises(SourceError, match="--input"):
        ReadEvents(InputSettings())


@pytest.mark.parametrize(
    ("url", "files"), [("a.csv", True), ("gs://b/*.gz", True), ("kafka://h:1/t", False)]
)
def test_what_is_a_file(url: str, files: bool) -> None:
    assert is_file_input(url) is files


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (InputSettings(columns="user,item"), "no column 'time'"),
        (InputSettings(input=" "), "--input is empty"),
        (InputSettings("kafka://h:1/t", "user,item,time"), "--columns is for files"),
    ],
)
def test_wrong_values_are_named(settings: InputSettings, words: str) -> None:
    (problem,) = settings.problems()
    assert words in problem
    assert "\n" not in problem


def test_right_values_are_no_problem() -> None:
    assert InputSettings("x", "user_id, item,category,label,timestamp").problems() == []

"""Late events: a dead letter each, and an alarm when too large a share is late."""

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from pipelines.graph.late_events import LateEventsToDeadLetters
from transforms import progress as module
from transforms.messages.events import EventBatch
from transforms.progress import ProgressCounters

EVENTS = EventBatch(
    np.array([7, -1]), np.array([0, -(2**63)]), np.array([0, 3], np.int8), np.array([100, 160])
)


@pytest.fixture
def job() -> Iterator[ProgressCounters]:
    job = ProgressCounters("late alarm")
    job.reset()
    yield job
    job.reset()


def test_each_late_event_is_a_dead_letter(job: ProgressCounters) -> None:
    (letters,) = LateEventsToDeadLetters("kafka://host/clicks", job).process(EVENTS)
    assert [(each.source, each.reason, each.raw, each.time) for each in letters] == [
        ("kafka://host/clicks", "late", "7,0,100,pv", 100),
        ("kafka://host/clicks", "late", f"-1,{-(2**63)},160,buy", 160),
    ]
    assert job.values() == {"late": 2}


@pytest.mark.parametrize(("alarm", "alarms"), [(0.1, 1), (0.2, 0), (1.0, 0)])
def test_a_minute_with_a_larger_share_of_late_events_is_an_alarm(
    job: ProgressCounters, alarm: float, alarms: int,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    steps = [LateEventsToDeadLetters("kafka://host/clicks", job, alarm) for _ in range(2)]
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            for step in steps:
                step.start_bundle()
            job.add("read", 5)
            steps[0].process(EVENTS.take(slice(1)))
            now[0] += 31
    # One alarm for both steps, for the 62 s in which 2 of 10 events were late.
    assert job.values().get("late_alarms", 0) == alarms
    assert caplog.text.count("20% of the events") == alarms
    assert not alarms or "--max_out_of_orderness" in caplog.text

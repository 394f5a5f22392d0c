"""The progress line of times that no calendar holds."""

import pytest

from pipelines.running.progress import Progress
from transforms.progress import ProgressCounters

pytestmark = pytest.mark.hostile


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1_600_000_000, "2020-09-13 12:26:40"),
        (253_402_300_800, "after the year 9999"),
        (1 << 62, "after the year 9999"),
        (-(1 << 62), "before the year 1"),
    ],
)
def test_times_that_no_calendar_holds_are_shown(seconds: int, words: str) -> None:
    counters = ProgressCounters("test-times")
    counters.reset()
    counters.reach("event_time", seconds)
    assert f"event time {words}" in Progress(counters).line()

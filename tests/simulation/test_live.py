import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.live import COLUMNS, HOUR, Flaws, LiveClicks
from simulation.model import World
from simulation.timeline import TooFewUsersError
from sources.parsing.blocks import parse_block
from sources.parsing.layout import Layout

WORLD = World.make(0, 300)
START = 1_700_000_000
LAYOUT = Layout.of(COLUMNS, "test")


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 2 * HOUR), max_size=8))
def test_however_often_it_is_asked_the_stream_is_the_same(moments: list[int]) -> None:
    whole = LiveClicks(WORLD, 3, START, seed=5).until(START + 2 * HOUR)
    clicks = LiveClicks(WORLD, 3, START, seed=5)
    parts = [clicks.until(START + moment) for moment in [*sorted(moments), 2 * HOUR]]
    assert [line for part in parts for line in part] == whole


def test_what_has_come_is_behind_the_moment_and_no_further_than_said() -> None:
    clicks = LiveClicks(WORLD, 5, START, Flaws(late=0), seed=1)
    seen = []
    for moment in range(START + 60, START + HOUR + 600, 60):
        parsed = parse_block(b"\n".join(clicks.until(moment)), LAYOUT)
        times = parsed.events.time
        seen.append(len(times))
        assert times.max() < moment
        # What a watermark at the call before promised holds.
        assert times.min() >= moment - 60 - clicks.out_of_orderness
    assert np.mean(seen) == pytest.approx(5 * 60, rel=0.15)


def test_it_holds_what_a_pipeline_must_cope_with() -> None:
    flaws = Flaws(duplicates=0.1, malformed=0.05, late=0.02, late_by=100)
    lines = LiveClicks(WORLD, 5, START, flaws, seed=1).until(START + HOUR)
    parsed = parse_block(b"\n".join(lines), LAYOUT)
    time = parsed.events.time
    events = len(parsed.events.ordered())
    assert len(time) - events == round(0.1 * events)
    assert len(parsed.malformed) == round(0.05 * events)
    assert np.sum(np.maximum.accumulate(time) - time >= 100) == round(0.02 * events)


def test_more_events_than_the_users_make_are_refused() -> None:
    with pytest.raises(TooFewUsersError):
        LiveClicks(World.make(0, 10), 500, START)

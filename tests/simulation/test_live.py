import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.live import COLUMNS, HOUR, Flaws, LiveClicks
from simulation.malformed import FIRST_FUTURE, REASONS, malform
from simulation.model import World
from simulation.timeline import TooFewUsersError
from sources.parsing.blocks import parse_block
from sources.parsing.layout import Layout
from transforms.messages.dead_letters import FUTURE

WORLD = World.make(0, 300)
START = 1_700_000_000
LAYOUT = Layout.of(COLUMNS, "test")


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 2 * HOUR), max_size=8))
def test_the_stream_does_not_depend_on_the_steps_in_which_it_is_read(moments: list[int]) -> None:
    whole = LiveClicks(WORLD, 3, START, seed=5).until(START + 2 * HOUR)
    clicks = LiveClicks(WORLD, 3, START, seed=5)
    parts = [clicks.until(START + moment) for moment in [*sorted(moments), 2 * HOUR]]
    assert [line for part in parts for line in part] == whole


def test_lines_are_before_the_requested_time_and_within_the_out_of_orderness() -> None:
    clicks = LiveClicks(WORLD, 5, START, Flaws(late=0), seed=1)
    counts = []
    for moment in range(START + 60, START + HOUR + 600, 60):
        parsed = parse_block(b"\n".join(clicks.until(moment)), LAYOUT)
        times = parsed.events.time
        counts.append(len(times))
        assert times.max() < moment
        # The watermark of the call before was right.
        assert times.min() >= moment - 60 - clicks.out_of_orderness
    assert np.mean(counts) == pytest.approx(5 * 60, rel=0.15)


def test_it_has_the_requested_flaws() -> None:
    flaws = Flaws(duplicates=0.1, malformed=0.05, late=0.02, late_by=100)
    lines = LiveClicks(WORLD, 5, START, flaws, seed=1).until(START + HOUR)
    parsed = parse_block(b"\n".join(lines), LAYOUT)
    time = parsed.events.time
    events = len(parsed.events.ordered())
    assert len(time) - events == round(0.1 * events)
    assert len(parsed.malformed) == round(0.05 * events)
    assert np.sum(np.maximum.accumulate(time) - time >= 100) == round(0.02 * events)


def test_events_from_the_future_are_additional_lines() -> None:
    events = WORLD.stream(3_000, 3)
    bad = malform(events, 40, np.random.default_rng(0), future=30)
    assert len(bad) == 70
    assert bad.counts()[FUTURE] == 30
    assert (np.diff(bad.before) >= 0).all()
    future = [
        line for line, why in zip(bad.lines, bad.reason, strict=True) if REASONS[why] == FUTURE
    ]
    parsed = parse_block(b"\n".join(future), LAYOUT)
    assert not len(parsed.malformed)
    assert parsed.events.time.min() >= FIRST_FUTURE
    assert (malform(events, 40, np.random.default_rng(0)).before == np.sort(
        np.random.default_rng(0).integers(0, 3_000, 40))).all()  # fmt: skip


def test_a_rate_beyond_the_users_is_refused() -> None:
    with pytest.raises(TooFewUsersError):
        LiveClicks(World.make(0, 10), 500, START)

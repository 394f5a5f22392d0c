"""Histories and rewards of a shard against the oracle, for any moves of the watermark."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LABEL, ranked_items
from tests.oracle import rules
from tests.oracle.events import BEHAVIORS, Event
from tests.oracle.forgotten import Lives, Tombstone
from tests.transforms.batches import batch, ranking, rows_of
from tests.transforms.forgotten import FakeForgotten
from tests.transforms.shard import Shard
from transforms.feedback.rules import RewardRules
from transforms.histories.forgotten import ForgottenSource
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.tables.place import DEFAULT_LIMITS, TableLimits
from transforms.windows.panes import pane_seconds

ITEMS = (0, -1, -(2**63), 2**63 - 1, *range(1, 10))
"""Any int64 is an id; 0 is also what columns are padded with."""

USERS = (0, 1, -(2**63), 2**63 - 1)

EVENTS = st.lists(
    st.builds(
        Event,
        st.one_of(st.integers(0, 300), st.integers(0, 2500)),
        st.sampled_from(ITEMS),
        st.sampled_from(USERS),
        st.sampled_from(BEHAVIORS),
    ),
    min_size=1,
    max_size=60,
)
SETTINGS = st.fixed_dictionaries(
    {
        "window": st.sampled_from([7, 20, 45, 60]),
        "period": st.sampled_from([5, 20, 30]),
        "history_size": st.integers(2, 5),
        "min_history": st.integers(0, 2),
        "count": st.integers(1, 4),
        "repeat_consumed": st.booleans(),
        "exclude_bought": st.sampled_from([0, 1, 30, 300, 10_000]),
    }
)
REWARD_WINDOWS = st.sampled_from([5, 60, 95])
TTLS = st.sampled_from([0, 0, 10, 100, 700])
LIMITS = st.sampled_from([DEFAULT_LIMITS, TableLimits(1, 0.5, 0), TableLimits(100, 0.5, 1)])
"""As jobs have it; cells of a user each, merged at every change; cells of a few users."""

TOMBSTONES = st.one_of(
    st.just([]),
    st.lists(
        st.tuples(st.sampled_from(USERS), st.one_of(st.integers(0, 300), st.integers(0, 2600))),
        max_size=8,
    ),
)

POPULAR_SIZE = 6
END = 1 << 40


def blocks_of(events: list[Event], pane: int, cuts: set[int]) -> list[list[Event]]:
    """Blocks of consecutive panes; a new block starts at each cut."""
    panes: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(set(events)):
        panes[event.time // pane].append(event)
    blocks: list[list[Event]] = []
    for number, pane_number in enumerate(sorted(panes)):
        if number in cuts or not blocks:
            blocks.append([])
        blocks[-1] += panes[pane_number]
    return blocks


def check(
    shard: Shard, events: list[Event], rankings: dict[int, list[tuple[int, int]]],
    values: dict[str, Any], reward_window: int, ttl: int,
    impressions: list[tuple[int, int, int]] | None = None,
    tombstones: Sequence[Tombstone] = (),
) -> None:  # fmt: skip
    lives = Lives(events, tombstones)

    def model(life: int, history: list[int]) -> list[int]:
        user = lives.lives[life].user
        return ranked_items(user, history, values["count"], values["repeat_consumed"])

    memory = max(ttl, reward_window) if ttl else 0
    divided = lives.divided(events)
    of_lives = rules.recommendations(divided, model, rankings, **values, ttl=ttl, memory=memory)
    of_lives = {(n, at): row for (n, at), row in of_lives.items() if at < lives.lives[n].end}
    wanted = {(lives.lives[n].user, at): row for (n, at), row in of_lives.items()}
    found = {}
    for frame in shard.recommendations:
        for row, index in zip(rows_of([frame.rows()]), frame.list_index.tolist(), strict=True):
            user, time, items, length, propensities, policy, last_reward = row
            assert (user, time) not in found
            assert propensities[:length] == [1.0] * length
            history = frame.history[index, : frame.history_length[index]].tolist()
            found[user, time] = rules.Recommendation(
                history, items[:length], policy == LABEL, last_reward
            )
    assert found == wanted

    sights = impressions and [(lives.number(u, at - 1), at, time) for u, at, time in impressions]
    by_life = rules.rewards(divided, of_lives, reward_window, memory, sights)
    earned = {
        (lives.lives[n].user, at): rewards
        for (n, at), rewards in by_life.items()
        if at + reward_window <= lives.lives[n].end
    }
    emitted = rows_of(shard.feedback)
    assert len(emitted) == len(earned)
    assert {(row[0], row[1]): row[8][: row[3]] for row in emitted} == earned

    minutes: dict[tuple[bytes, int], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for (user, time), rewards in earned.items():
        label = LABEL if wanted[user, time].by_policy else b"popular"
        sums = minutes[label, time // 60 * 60]
        sums[0], sums[1], sums[2] = sums[0] + 1, sums[1] + any(rewards), sums[2] + sum(rewards)
    assert sorted(rows_of(shard.minutes)) == sorted((*k, *sums) for k, sums in minutes.items())
    assert shard.buffered() == 0


def shard_for(
    values: dict[str, Any], pane: int, reward_window: int, ttl: int, shuffle: random.Random,
    limits: TableLimits = DEFAULT_LIMITS, *, every_minute: bool, impressions: bool = False,
    forgotten: ForgottenSource | None = None,
) -> Shard:  # fmt: skip
    history = HistoryRules(
        Schedule(values["window"], values["period"]), pane, values["history_size"],
        values["min_history"], ttl, POPULAR_SIZE,
        RewardRules(reward_window, ttl, every_minute=every_minute), values["exclude_bought"],
    )  # fmt: skip
    repeat = values["repeat_consumed"]
    return Shard(
        history, values["count"], shuffle, repeat_consumed=repeat, impressions=impressions,
        limits=limits, forgotten=forgotten,
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    EVENTS,
    SETTINGS,
    REWARD_WINDOWS,
    TTLS,
    LIMITS,
    TOMBSTONES,
    st.lists(st.integers(1, 700), max_size=20),
    st.randoms(use_true_random=False),
)
def test_any_jumps_of_the_watermark_give_the_oracles_results(
    events: list[Event], values: dict[str, Any], reward_window: int, ttl: int,
    limits: TableLimits, tombstones: list[Tombstone], jumps: list[int], shuffle: random.Random,
) -> None:  # fmt: skip
    rankings = rules.popular(events, 120, 40, POPULAR_SIZE)
    pane = pane_seconds(values["window"], values["period"], reward_window, 40)
    shard = shard_for(values, pane, reward_window, ttl, shuffle, limits, every_minute=True,
                      forgotten=FakeForgotten(tombstones))  # fmt: skip
    later: list[tuple[int, EventBatch | PopularRows]] = [
        ((block[-1].time // pane + 1) * pane, batch(sorted(block, key=by_user)))
        for block in blocks_of(events, pane, set(range(len(events))))
    ]
    later += [(end, ranking(end, items)) for end, items in rankings.items()]
    watermark = 0
    for jump in [*jumps, END]:
        watermark += jump
        now = [frame for end, frame in later if end <= watermark]
        later = [(end, frame) for end, frame in later if end > watermark]
        shuffle.shuffle(now)
        for frame in now:
            shard.send(frame)
        shard.advance(watermark)
    check(shard, events, rankings, values, reward_window, ttl, tombstones=tombstones)
    assert shard.late_minutes == []


@settings(max_examples=80, deadline=None)
@given(
    EVENTS,
    SETTINGS,
    REWARD_WINDOWS,
    TTLS,
    TOMBSTONES,
    st.lists(st.tuples(st.integers(1, 700), st.integers(1, 700)), max_size=20),
    st.lists(st.tuples(st.integers(0, 59), st.integers(-1, 5), st.integers(-1, 99)), max_size=60),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_lists_count_as_shown_when_an_impression_says_so(
    events: list[Event], values: dict[str, Any], reward_window: int, ttl: int,
    tombstones: list[Tombstone], jumps: list[tuple[int, int]], sights: list[tuple[int, int, int]],
    shuffle: random.Random,
) -> None:  # fmt: skip
    rankings = rules.popular(events, 120, 40, POPULAR_SIZE)
    pane = pane_seconds(values["window"], values["period"], reward_window, 40)
    shard = shard_for(values, pane, reward_window, ttl, shuffle, every_minute=True,
                      impressions=True, forgotten=FakeForgotten(tombstones))  # fmt: skip
    period = values["period"]
    # Lists after an event of theirs, and some that are none.
    lists = [
        (events[row % len(events)].user, (events[row % len(events)].time // period + n) * period, s)
        for row, n, s in sights
    ]
    impressions = [(user, max(at, 0), max(at + after, 0)) for user, at, after in lists]
    blocks = [
        ((block[-1].time // pane + 1) * pane, batch(sorted(block, key=by_user)))
        for block in blocks_of(events, pane, set(range(len(events))))
    ]
    later: list[tuple[int, EventBatch | PopularRows]] = [*blocks]
    later += [(end, ranking(end, items)) for end, items in rankings.items()]
    as_events = [Event(time, at, user, "pv") for user, at, time in impressions]
    seen = [
        ((block[-1].time // pane + 1) * pane, batch(sorted(block, key=by_user)))
        for block in blocks_of(as_events, pane, set(range(len(as_events))))
    ]
    watermark, seen_until = 0, 0
    for jump, seen_jump in [*jumps, (END, END)]:
        watermark, seen_until = watermark + jump, seen_until + seen_jump
        for frame in [frame for end, frame in later if end <= watermark]:
            shard.send(frame)
        later = [(end, frame) for end, frame in later if end > watermark]
        for block in [frame for end, frame in seen if end <= seen_until]:
            shard.send_impressions(block)
        seen = [(end, frame) for end, frame in seen if end > seen_until]
        for step in shuffle.sample((shard.advance, shard.advance_impressions), 2):
            step(watermark if step == shard.advance else seen_until)
    # Sums by minute may be late where the watermark jumps over a report time: a known limit.
    check(shard, events, rankings, values, reward_window, ttl, impressions, tombstones)


@settings(max_examples=80, deadline=None)
@given(
    EVENTS,
    SETTINGS,
    REWARD_WINDOWS,
    TTLS,
    LIMITS,
    TOMBSTONES,
    st.sets(st.integers(0, 40)),
    st.randoms(use_true_random=False),
)
def test_blocks_of_many_panes_in_any_order_give_the_oracles_results(
    events: list[Event], values: dict[str, Any], reward_window: int, ttl: int,
    limits: TableLimits, tombstones: list[Tombstone], cuts: set[int], shuffle: random.Random,
) -> None:  # fmt: skip
    rankings = rules.popular(events, 120, 40, POPULAR_SIZE)
    pane = values["period"]
    shard = shard_for(values, pane, reward_window, ttl, shuffle, limits, every_minute=False,
                      forgotten=FakeForgotten(tombstones))  # fmt: skip
    frames: list[EventBatch | PopularRows] = [
        batch(sorted(block, key=by_user)) for block in blocks_of(events, pane, cuts)
    ]
    frames.append(PopularRows.concat([ranking(*window) for window in rankings.items()]))
    shuffle.shuffle(frames)
    for frame in frames:
        shard.send(frame)
    shard.advance(END)
    check(shard, events, rankings, values, reward_window, ttl, tombstones=tombstones)


def by_user(event: Event) -> tuple[int, int, int, int]:
    return event.user, event.time, event.item, BEHAVIORS.index(event.behavior)

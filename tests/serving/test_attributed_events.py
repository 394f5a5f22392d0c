"""Outcomes: the same as by looking at each event for each list."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from serving.attributed_events import with_outcomes
from serving.schemas.users import Event, Outcome, Recommendation
from transforms.messages.behaviors import BEHAVIORS

REWARDS = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), min_size=4, max_size=4)
ITEMS = st.integers(1, 6)
EVENTS = st.lists(
    st.builds(Event, ITEMS, st.sampled_from([*BEHAVIORS, "other"]), st.integers(0, 40)), max_size=30
)
LISTS = st.lists(
    st.builds(
        Recommendation,
        time=st.integers(0, 40),
        items=st.lists(ITEMS, max_size=5, unique=True),
        policy=st.none(),
        propensities=st.none(),
        last_reward=st.none(),
    ),
    max_size=8,
    unique_by=lambda one: one.time,
).map(lambda lists: sorted(lists, key=lambda one: -one.time))
"""Newest first."""


def one_by_one(
    lists: list[Recommendation], events: list[Event], window: int, rewards: list[float]
) -> list[list[Outcome]]:
    """Each event's outcome at the latest list that was shown before it and holds its item."""
    reward_of = dict(zip(BEHAVIORS, rewards, strict=True))
    best: dict[tuple[int, int], Outcome] = {}
    shown = [
        one
        for place, one in enumerate(lists)
        if place + 1 == len(lists) or one.items != lists[place + 1].items
    ]
    for event in events:
        for one in shown:
            if event.item in one.items and one.time <= event.time < one.time + window:
                outcome = Outcome(
                    event.item, event.behavior, event.time, reward_of.get(event.behavior, 0.0)
                )
                known = best.get((one.time, event.item))
                if known is None or outcome.reward > known.reward:
                    best[one.time, event.item] = outcome
                break
    return [
        [best[one.time, item] for item in one.items if (one.time, item) in best] for one in lists
    ]


@given(LISTS, EVENTS, st.integers(1, 30), REWARDS)
def test_outcomes_are_those_of_each_event_and_list(
    lists: list[Recommendation], events: list[Event], window: int, rewards: list[float]
) -> None:
    events = sorted(events, key=lambda event: (event.time, event.item, event.behavior))
    given_ = with_outcomes(lists, events, window, rewards=rewards)
    assert [one.outcomes for one in given_] == one_by_one(lists, events, window, rewards)
    assert [replace(one, outcomes=None) for one in given_] == lists


@given(LISTS, EVENTS, st.integers(1, 30), st.integers(0, 8), st.integers(0, 8))
def test_a_page_has_the_outcomes_of_all_lists(
    lists: list[Recommendation], events: list[Event], window: int, begin: int, size: int
) -> None:
    events = sorted(events, key=lambda event: (event.time, event.item, event.behavior))
    whole = with_outcomes(lists, events, window)
    end = begin + size
    before = lists[end] if end < len(lists) else None
    page = with_outcomes(lists[begin:end], events, window, newer=lists[:begin], before=before)
    assert page == whole[begin:end]


@given(LISTS, EVENTS, st.integers(1, 30), st.integers(0, 60))
def test_lists_whose_events_are_not_all_known_have_no_outcomes(
    lists: list[Recommendation], events: list[Event], window: int, known_until: int
) -> None:
    events = sorted(events, key=lambda event: (event.time, event.item, event.behavior))
    known = [event for event in events if event.time < known_until]
    full = with_outcomes(lists, events, window)
    for one, complete in zip(with_outcomes(lists, known, window, known_until), full, strict=True):
        if one.time + window > known_until:
            assert one.outcomes is None
        else:
            assert one == complete

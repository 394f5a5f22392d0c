"""Purchases of a shard against one event at a time, with a small limit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.events import Event
from tests.transforms.batches import batch
from transforms.histories.bought import BoughtTable, Purchases

EVENTS = st.lists(
    st.builds(
        Event, st.integers(0, 60), st.integers(-2, 3), st.sampled_from([-(2**63), 0, 7]),
        st.sampled_from(["pv", "buy"]),
    ),
    max_size=40,
)  # fmt: skip


@given(EVENTS, st.sampled_from([1, 10, 40]), st.integers(1, 4), st.integers(0, 60))
def test_the_last_purchases_in_the_time_count(
    events: list[Event], seconds: int, limit: int, cut: int
) -> None:
    """All events at once, and those before `cut` first: the same purchases count."""
    ordered = batch(sorted(set(events), key=lambda e: (e.user, e.time, e.item))).ordered()
    early = ordered.take(ordered.time < cut)
    new = Purchases(BoughtTable.empty(), early, seconds, limit).new
    stored = new.counting_after(cut, seconds, limit)
    for table, part, first in (
        (BoughtTable.empty(), ordered, 0),
        (stored, ordered.take(ordered.time >= cut), cut + 1),
    ):
        purchases = Purchases(table, part, seconds, limit)
        asked = [(user, at) for user in (-(2**63), 0, 5, 7) for at in range(first, 75)]
        user, time = np.array(asked, np.int64).T
        found = purchases.exclusions(*purchases.counted(user, time))
        for row, (who, at) in enumerate(asked):
            own = sorted({e for e in events if e.user == who and e.behavior == "buy"})
            before = [e for e in own if e.time < at][-limit:]
            wanted = [e.item for e in before if e.time >= at - seconds]
            assert found.items[row, : found.length[row]].tolist() == wanted
    assert (stored.time > cut - seconds).all()
    assert np.unique(stored.user, return_counts=True)[1].max(initial=0) <= limit

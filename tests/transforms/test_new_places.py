"""The places of new items in lists against the rule, a list at a time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.messages.new_items import NewPlaces
from transforms.messages.ranked_lists import RankedLists
from transforms.new_places import with_new_items

SIZE, DRAWN, MOST = 6, 2, 3


def wanted(items: list[int], chances: list[float], new: list[int]) -> tuple[list[int], list[float]]:
    if not items:
        return [], []
    end = len(items) - DRAWN if any(chance < 1 for chance in chances) else len(items)
    kept = min(end, SIZE - (len(items) - end) - len(new))
    return (
        items[:kept] + new + items[end:],
        chances[:kept] + [1.0] * len(new) + chances[end:],
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, SIZE), st.booleans(), st.integers(0, MOST)), min_size=1, max_size=5
    )
)
def test_lists_keep_their_first_items_and_what_was_drawn(rows: list[tuple[int, bool, int]]) -> None:
    n = len(rows)
    items, chances = np.zeros((n, SIZE), np.int64), np.zeros((n, SIZE), np.float32)
    new = NewPlaces.empty(n, MOST)
    truth = []
    for row, (length, explores, count) in enumerate(rows):
        own, fresh = [*range(1, length + 1)], [*range(100, 100 + count)]
        given_chances = [1.0] * length
        if explores and length == SIZE:
            given_chances[-DRAWN:] = [0.25, 1.0]
        items[row, :length], chances[row, :length] = own, given_chances
        new.items[row, :count], new.length[row] = fresh, count
        truth.append(wanted(own, given_chances, fresh))
    length = np.array([row[0] for row in rows])
    found = with_new_items(RankedLists(items, length, chances, np.full(n, b"m-1"), new=new), DRAWN)
    for row, (list_items, list_chances) in enumerate(truth):
        end = found.length[row]
        assert found.items[row].tolist() == list_items + [0] * (SIZE - len(list_items))
        assert found.propensities[row, :end].tolist() == list_chances


def test_lists_that_asked_for_none_are_the_same() -> None:
    lists = RankedLists.deterministic(np.array([[1, 2]]), np.array([2]))
    assert with_new_items(lists, 1).items.tolist() == [[1, 2]]

"""Lists less what may not be shown, and lists completed with popular items, beside plain Python."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.on_demand import offered
from serving.on_demand.complete import Ranked, complete
from serving.on_demand.offered import rank_offered
from serving.queries.catalogue import Offered
from serving.schemas.inference import RankResponse

SOME = st.sets(st.integers(1, 60))
ITEMS = st.lists(st.integers(1, 60), unique=True, max_size=60)


@given(st.lists(ITEMS, min_size=1, max_size=4), SOME, SOME, st.integers(1, 9))
def test_what_may_not_be_shown_is_left_out(
    best: list[list[int]], shown: set[int], excluded: set[int], size: int
) -> None:
    async def rank(length: int) -> RankResponse:
        items: list[list[int | str]] = [list(row[:length]) for row in best]
        return RankResponse([1] * len(best), items, [[i / 64 for i in row] for row in items], "p")  # type: ignore[operator]

    async def may_show(_: Iterable[object]) -> Offered:
        return lambda item: item in shown

    found = asyncio.run(rank_offered(rank, size, len(best), set(map(str, excluded)), may_show))
    wanted = [[item for item in row if item in shown - excluded][:size] for row in best]
    assert found.items == wanted
    assert found.propensities == [[item / 64 for item in row] for row in wanted]


def test_lists_end_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(offered, "MOST_RANKED", 1000)

    async def rank(length: int) -> RankResponse:
        asked.append(length)
        return RankResponse([1], [list(range(length))], [[1.0] * length], "p")

    async def may_show(_: Iterable[object]) -> Offered:
        return lambda item: item == 500

    found = asyncio.run(rank_offered(rank, 3, 1, (), may_show))
    assert (found.items, asked) == ([[500]], [19, 152, 1000])


IDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "é", "1"]), max_size=8)


@given(IDS, IDS, IDS, IDS, st.integers(1, 6), st.booleans())
def test_a_list_is_completed_as_by_hand(
    ranked: list[str],
    popular: list[str],
    history: list[str],
    excluded: list[str],
    size: int,
    repeat: bool,
) -> None:
    own, popular = list(dict.fromkeys(ranked)), list(dict.fromkeys(popular))
    odds = [0.5] * len(own)
    made = complete(
        Ranked(own, odds, "p-1"), popular, history, excluded, size, repeat_consumed=repeat
    )
    wanted: list[str] = own[:size]
    for item in popular:
        left_out: Sequence[str] = [*wanted, *excluded, *([] if repeat else history)]
        if len(wanted) < size and item not in left_out:
            wanted.append(item)
    kept = min(size, len(own))
    assert list(made.items) == wanted
    assert list(made.propensities) == [0.5] * kept + [1.0] * (len(wanted) - kept)
    assert made.policy == ("p-1" if own else "popular")

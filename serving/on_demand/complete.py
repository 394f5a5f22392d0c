"""Completes one list with popular items, by the code that the job completes its lists with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from serving.schemas import Id


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked list.

    Attributes:
        items: best first.
        propensities: of each item.
        policy: the label of what ranked; empty for none.
    """

    items: Sequence[Id] = ()
    propensities: Sequence[float] = ()
    policy: str = ""


def complete(
    ranked: Ranked,
    popular: Sequence[Id],
    history: Sequence[Id],
    excluded: Collection[Id],
    size: int,
    *,
    repeat_consumed: bool,
) -> Ranked:
    """The ranked list, completed with popular items that it may have.

    Args:
        ranked: its first `size` items are kept, in their order.
        popular: popular items, best first.
        history: the user's last items; none of them is added, unless `repeat_consumed`.
        excluded: items that are not added.
        size: items of the list.
        repeat_consumed: whether items of the history may be added.
    """
    # They import Beam, which takes seconds: a server without these requests starts without it.
    from transforms.fill import fill
    from transforms.messages.events import EventBatch
    from transforms.messages.exclusions import Exclusions
    from transforms.messages.ranked_lists import RankedLists
    from transforms.messages.ranking import LAST_USER, RankingRequest, States, WorkUnit

    codes: dict[Id, int] = {}

    def coded(items: Sequence[Id], width: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        row = np.zeros((1, width), np.int64)
        row[0, : len(items)] = [codes.setdefault(item, len(codes) + 1) for item in items]
        return row

    kept = list(ranked.items[:size])
    lists = RankedLists.empty(1, size) if kept else RankedLists.empty(0, size)
    if kept:
        lists.items[:] = coded(kept, size)
        lists.length[:] = len(kept)
        lists.propensities[0, : len(kept)] = ranked.propensities[: len(kept)]
        lists.policy[:] = ranked.policy.encode()
    left_out = list(dict.fromkeys(excluded))
    none = np.zeros(0, np.int64)
    events = EventBatch(none, none, np.zeros(0, np.int8), none)
    one = np.zeros(1, np.int64)
    request = RankingRequest(
        user=one,
        time=one,
        state_index=one,
        states=States(one, coded(history, len(history)), np.array([len(history)])),
        ranked=np.arange(len(lists)),
        popular_index=one if popular else one - 1,
        popular_items=coded(popular, len(popular)),
        popular_length=np.array([len(popular)]),
        unit=WorkUnit(0, 0, LAST_USER, events),
        exclusions=Exclusions(coded(left_out, len(left_out)), np.array([len(left_out)])),
    )
    batch = fill(request, lists, size, repeat_consumed=repeat_consumed, keep_history=False)
    texts = list(codes)
    length = int(batch.length[0])
    return Ranked(
        [texts[code - 1] for code in batch.items[0, :length].tolist()],
        batch.propensities[0, :length].tolist(),
        batch.policies[batch.policy_index[0]].decode("utf-8", "replace"),
    )

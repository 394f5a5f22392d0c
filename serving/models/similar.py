"""The items most similar to an item by a model, each list computed once for a version in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from serving.models.batcher import Batcher, RankRequest
from serving.schemas.inference import RankResponse

if TYPE_CHECKING:
    from inference.policy import Policy
    from inference.search.similar_items import SimilarItems

_LENGTHS = (32, 256, 2048, 8192)
"""Lengths of lists that are computed: requests of one length share a batch."""
KEPT_ITEMS = 1 << 19
"""Items of all lists that are kept together; the lists that were not asked for longest go first."""
_DIGITS = 4


class SimilarLists:
    """The lists of one model, which may change its version.

    Args:
        policy: gives the version in use.
        threads: where lists are computed, one batch at a time.
    """

    def __init__(self, policy: Callable[[], Policy], threads: Executor) -> None:
        self._policy = policy
        self._batcher: Batcher[list[RankResponse]] = Batcher(self._rank, threads, lambda _: None)
        self._of: Policy | None = None
        self._known: OrderedDict[int, tuple[int, RankResponse]] = OrderedDict()
        self._items = 0
        self._index: tuple[Policy, SimilarItems] | None = None

    async def best(self, key: int, length: int) -> RankResponse | None:
        """The similar items of an item, best first; None where the version does not know it.

        Args:
            key: the item, as the model has it.
            length: items of the list; it is shorter where the model has fewer.

        Raises:
            OverloadedError: too much is waiting already.
        """
        policy = self._policy()
        if policy is not self._of:
            self._of, self._items = policy, 0
            self._known.clear()
        most = len(policy.item_ids) - 1
        length = min(length, most)
        known = self._known.get(key)
        if known is None or known[0] < length:
            row = int(policy.item_ids.rows(np.array([key]))[0])
            if row == policy.item_ids.unknown:
                return None
            wanted = min(most, next((size for size in _LENGTHS if size >= length), most))
            request = RankRequest((np.array([row]),), (policy, wanted))
            lists, place = await self._batcher.submit(request)
            known = wanted, lists[place.start]
            if policy is self._of:
                self._keep(key, known)
        else:
            self._known.move_to_end(key)
        made = known[1]
        items, scores = made.items[0], made.propensities[0]
        if len(items) <= length:
            return made
        return RankResponse([], [items[:length]], [scores[:length]], made.policy)

    def _keep(self, key: int, made: tuple[int, RankResponse]) -> None:
        before = self._known.pop(key, None)
        self._known[key] = made
        self._items += made[0] - (before[0] if before else 0)
        while self._items > KEPT_ITEMS and len(self._known) > 1:
            self._items -= self._known.popitem(last=False)[1][0]

    def _rank(
        self, columns: tuple[npt.NDArray[Any], ...], kind: tuple[Any, ...]
    ) -> list[RankResponse]:
        """Lists of rows, on the thread: scores stand where ranked lists have propensities."""
        policy, length = kind
        if self._index is None or self._index[0] is not policy:
            from inference.search.similar_items import SimilarItems

            self._index = policy, SimilarItems(policy.network.encoder.items.weight)
        rows, cosines = self._index[1].best(columns[0], length)
        found = rows != policy.item_ids.unknown
        keys, texts = np.append(policy.item_ids.ids, 0)[rows], {}
        if policy.item_ids.names is not None:
            names = policy.item_ids.names.only([keys[found]])
            texts = dict(zip(names.key.tolist(), names.text.to_pylist(), strict=True))
        return [
            RankResponse(
                [],
                [[texts.get(item, item) for item in keys[at, found[at]].tolist()]],
                [cosines[at, found[at]].round(_DIGITS).tolist()],
                policy.info.label,
            )
            for at in range(len(rows))
        ]

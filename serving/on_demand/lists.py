"""One list for a user or for an anonymous visit, by request (spec section 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from fastapi import HTTPException

from rivulet.limits import BOUGHT_LIMIT, HISTORY_SIZE, MIN_HISTORY, RECOMMENDATIONS
from serving.models.inference_model import InferenceModel, histories_request
from serving.models.manager import ModelManager
from serving.on_demand.complete import Ranked, complete
from serving.on_demand.offered import rank_offered
from serving.on_demand.shelf import PopularShelf
from serving.queries import Queries
from serving.schemas import Id
from serving.schemas.inference import HistoriesInput, RankResponse
from serving.schemas.users import Recommendation


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list has to be.

    Attributes:
        size: items; None for as many as the job's lists have.
        category: of all of its items; None for any.
        exclude: items that it must not have.
        fallback: whether popular items, also of earlier windows, complete it.
    """

    size: int | None = None
    category: str | None = None
    exclude: tuple[Id, ...] = ()
    fallback: bool = False


class OnDemandLists:
    """Makes lists by request.

    Args:
        queries: queries to the stores.
        models: the models that rank.
    """

    def __init__(self, queries: Queries, models: ModelManager) -> None:
        self._queries, self._models = queries, models
        self._shelf = PopularShelf(queries)

    async def stored(self, user: Id, wanted: Wanted) -> tuple[Recommendation, str] | None:
        """A user's latest list as it is stored, less what it must not have, and its store.

        With `fallback` it is completed with popular items. None where the user has no list and
        there is nothing to complete it with.
        """
        found, store = await self._queries.stores.first(
            lambda reader: reader.recommendations(user, 1, 0)
        )
        size = await self._size(wanted)
        given = found[0] if found else None
        own, odds = Ranked(), True
        if given is not None:
            own, odds = await self._allowed(given, wanted), given.propensities is not None
        time = given.time if given else 0
        if wanted.fallback and len(own.items) < size:
            popular = await self._shelf.read(wanted.category, everything=True)
            store, time = store or popular.store, time or popular.window_end
            history, last = await self._history(user)
            excluded = await self._excluded(user, wanted, max(popular.window_end, last + 1))
            made = await self._completed(own, popular.items, history, excluded, size)
        else:
            made = Ranked(own.items[:size], own.propensities[:size], own.policy)
        if store is None or not (given or made.items):
            return None
        policy = given.policy if given and own.items else made.policy
        return _recommendation(time, made, len(own.items), "list", odds, policy), store

    async def fresh(self, user: Id, wanted: Wanted) -> tuple[Recommendation, str] | None:
        """A list that is ranked now from the user's stored history, and the history's store.

        It is made by the code of the stream. "Now" is event time: the end of the latest window of
        popular items, or the second after the user's last event where that is later. None where
        there is neither a history nor a popular item.
        """
        popular = await self._shelf.read(wanted.category, everything=wanted.fallback)
        history, last = await self._history(user)
        now = max(popular.window_end, last + 1)
        excluded = await self._excluded(user, wanted, now)
        made = await self._made(user, history, excluded, popular.items, wanted, now)
        if not made.items and not history:
            return None
        return made, popular.store or ""

    async def visit(self, items: Sequence[Id], wanted: Wanted) -> Recommendation:
        """A list for an anonymous visit, as the stream makes it for a user whom no model knows.

        Args:
            items: the items of the visit's events, oldest first.
            wanted: what the list has to be.
        """
        popular = await self._shelf.read(wanted.category, everything=wanted.fallback)
        history = list(items[-await self._history_size() :])
        return await self._made(
            None, history, wanted.exclude, popular.items, wanted, popular.window_end
        )

    async def _made(
        self,
        user: Id | None,
        history: Sequence[Id],
        excluded: Collection[Id],
        popular: Sequence[Id],
        wanted: Wanted,
        now: int,
    ) -> Recommendation:
        size = await self._size(wanted)
        ranked = Ranked()
        if len(history) >= await self._min_history():
            ranked = await self._ranked(user, history, excluded, size, wanted.category)
        made = await self._completed(ranked, popular, history, excluded, size)
        return _recommendation(now, made, len(ranked.items), "policy", True, made.policy)

    async def _ranked(
        self,
        user: Id | None,
        history: Sequence[Id],
        excluded: Collection[Id],
        size: int,
        category: str | None,
    ) -> Ranked:
        model = await self._model(user)
        if model is None:
            return Ranked()
        users = [model.stranger if user is None else user]
        repeat = await self._repeats()
        rank = model.rank

        async def ranks(length: int) -> RankResponse:
            given = HistoriesInput.model_construct(
                user=users, item=[list(history)], size=length, repeat_consumed=repeat
            )
            return await rank(users, histories_request(given, len(history), model.ids))

        offered = self._queries.catalogue.offered
        answer = await rank_offered(
            ranks, size, 1, set(map(str, excluded)), lambda items: offered(items, category)
        )
        return Ranked(answer.items[0], answer.propensities[0], answer.policy)

    async def _model(self, user: Id | None) -> InferenceModel | None:
        """The model that ranks for a user: of several the one of the user's latest list."""
        if await self._queries.settings.is_none("models"):
            return None
        ids = await self._queries.ids()
        models = [model for model in await self._models.loaded() if model.ids == ids]
        if len(models) < 2 or user is None:
            return models[0] if models else None
        found, _ = await self._queries.stores.first(
            lambda reader: reader.recommendations(user, 1, 0)
        )
        policy = found[0].policy if found else None
        name = (policy or "").rpartition("-")[0]
        by_label = [model for model in models if model.model.policy == policy]
        by_name = [model for model in models if model.model.policy.rpartition("-")[0] == name]
        return (by_label or by_name or models)[0]

    async def _completed(
        self,
        ranked: Ranked,
        popular: Sequence[Id],
        history: Sequence[Id],
        excluded: Collection[Id],
        size: int,
    ) -> Ranked:
        if find_spec("apache_beam") is None:
            raise HTTPException(501, "a list that is made by request needs Apache Beam here")
        repeat = await self._repeats()
        # In a thread: the first call imports Beam.
        return await asyncio.to_thread(
            complete, ranked, popular, history, excluded, size, repeat_consumed=repeat
        )

    async def _allowed(self, given: Recommendation, wanted: Wanted) -> Ranked:
        """What is left of a stored list."""
        offered = await self._queries.catalogue.offered(given.items, wanted.category)
        excluded = set(wanted.exclude)
        places = [
            place
            for place, item in enumerate(given.items)
            if item not in excluded and offered(item)
        ]
        odds = given.propensities or [1.0] * len(given.items)
        return Ranked(
            [given.items[place] for place in places],
            [odds[place] for place in places],
            given.policy or "",
        )

    async def _history(self, user: Id) -> tuple[list[Id], int]:
        """The items of a user's last events, oldest first, and the time of the last one or -1."""
        size = await self._history_size()
        found, _ = await self._queries.stores.first(lambda reader: reader.history(user, size, 0))
        events = (found or [])[::-1]
        last = events[-1].time if events else None
        return [event.item for event in events], -1 if last is None else last

    async def _excluded(self, user: Id, wanted: Wanted, now: int) -> list[Id]:
        """What the list must not have: what is said, and what the user bought."""
        seconds = await self._queries.settings.seconds("exclude_bought")
        if not seconds:
            return list(wanted.exclude)
        start = max(0, now - seconds)
        found, _ = await self._queries.stores.first(
            lambda reader: reader.purchases(user, start, now, BOUGHT_LIMIT)
        )
        return [*wanted.exclude, *(event.item for event in found or [])]

    async def _size(self, wanted: Wanted) -> int:
        return wanted.size or await self._queries.job_setting("recommendations") or RECOMMENDATIONS

    async def _history_size(self) -> int:
        return await self._queries.job_setting("history_size") or HISTORY_SIZE

    async def _min_history(self) -> int:
        if await self._queries.settings.is_none("min_history"):
            return 1  # Every user of the stream has an event.
        return await self._queries.job_setting("min_history") or MIN_HISTORY

    async def _repeats(self) -> bool:
        return await self._queries.job_setting("repeat_consumed") is not None


def _recommendation(
    time: int,
    made: Ranked,
    own: int,
    origin: Literal["list", "policy"],
    odds: bool,
    policy: str | None,
) -> Recommendation:
    """The answer: the first `own` items are of the list, the others popular ones."""
    own = min(own, len(made.items))
    return Recommendation(
        time,
        list(made.items),
        policy,
        list(made.propensities) if odds else None,
        None,
        why=[origin if place < own else "popular" for place in range(len(made.items))],
        fallback=not own and bool(made.items),
    )

"""The items most similar to an item, less those that may not be shown."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from serving.models.inference_model import InferenceModel
from serving.models.manager import ModelManager
from serving.on_demand.offered import rank_offered
from serving.queries import Queries
from serving.schemas import Id
from serving.schemas.inference import RankResponse
from serving.schemas.items import By, Item, SimilarItem, SimilarItems
from serving.stores.group import StoresDownError


class UnknownItemError(LookupError):
    """No list can be made: there is no such model, or it does not know the item."""


@dataclass(frozen=True, slots=True)
class WantedItems:
    """What a list of items has to be.

    Attributes:
        size: items, at the most.
        category: of all of them; None for any.
        exclude: items that it must not have.
        by: what makes the list.
        model: which model compares; None for the first of `--model` with the job's ids.
    """

    size: int
    category: str | None = None
    exclude: tuple[Id, ...] = ()
    by: By = "similar"
    model: str | None = None


class SimilarItemLists:
    """Makes lists of items that are similar to an item.

    Args:
        queries: queries to the stores.
        models: the models that compare items.
    """

    def __init__(self, queries: Queries, models: ModelManager) -> None:
        self._queries, self._models = queries, models

    async def similar(self, item: Id, wanted: WantedItems) -> SimilarItems:
        """The items that are most like the item, best first.

        Raises:
            UnknownItemError: there is no list of the item.
            NoCatalogueError: a category is given, and the job has no catalogue.
            StoresDownError: no store that may have the list or the category answers.
        """
        if wanted.by == "similar":
            return await self._by_model(item, wanted)
        return await self._by_users(item, wanted)

    async def _by_users(self, item: Id, wanted: WantedItems) -> SimilarItems:
        found = await self._queries.related(wanted.by, item)
        if found is None:
            raise UnknownItemError(f"no store has items that users {wanted.by} with {item}")
        made, store = found
        offered = await self._queries.catalogue.offered(made.items, wanted.category)
        pairs = [
            (one, float(count))
            for one, count in zip(made.items, made.counts, strict=True)
            if one not in wanted.exclude and offered(one)
        ]
        items = await self._detailed(pairs[: wanted.size], wanted.by)
        return SimilarItems(item, wanted.by, items, time=made.time, store=store)

    async def _by_model(self, item: Id, wanted: WantedItems) -> SimilarItems:
        model = await self._model(wanted.model)

        async def ranks(length: int) -> RankResponse:
            found = await model.similar(item, length)
            if found is None:
                raise UnknownItemError(
                    f"the model {model.model.policy} does not know the item {item}"
                )
            return found

        catalogue = self._queries.catalogue
        made = await rank_offered(
            ranks, wanted.size, 1, set(map(str, wanted.exclude)),
            lambda items: catalogue.offered(items, wanted.category),
        )  # fmt: skip
        pairs = list(zip(made.items[0], made.propensities[0], strict=True))
        items = await self._detailed(pairs, wanted.by)
        return SimilarItems(item, wanted.by, items, policy=made.policy)

    async def _detailed(self, pairs: list[tuple[Id, float]], by: By) -> list[SimilarItem]:
        """Items and scores with what the catalogue, which has just been asked for them, has."""
        known: Mapping[str, Item] = {}
        # What the catalogue has is left out while no store answers.
        with suppress(StoresDownError):
            if pairs and await self._queries.catalogue.exists():
                known = await self._queries.items([str(item) for item, _ in pairs])
        return [
            SimilarItem(item, score, by, found.title, found.category, found.price)
            if (found := known.get(str(item)))
            else SimilarItem(item, score, by)
            for item, score in pairs
        ]

    async def _model(self, name: str | None) -> InferenceModel:
        if await self._queries.settings.is_none("models"):
            raise UnknownItemError("no model knows the job's items: the job uses none")
        kind = (await self._queries.ids()).item
        models = [each for each in await self._models.loaded() if each.ids.item == kind]
        chosen = [each for each in models if name is None or each.name == name]
        if not chosen:
            names = ", ".join(each.name for each in models) or "none"
            which = f"no model {name!r}" if name is not None else "no model"
            raise UnknownItemError(f"{which} of the job's items is loaded (loaded: {names})")
        return chosen[0]

"""How users get recommendations: the settings of `RecommendUsers` and of its parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pipelines.graph.models import min_history_of
from pipelines.options import (
    ExploreSettings,
    ModelSettings,
    NewItemSettings,
    PopularSettings,
    RecommendSettings,
)
from transforms.catalogue.source import CatalogueSource
from transforms.feedback.rules import RewardRules
from transforms.histories.forgotten import ForgottenSource
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.behaviors import USUAL_REWARDS
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.value_weight import ValueWeight


@dataclass(frozen=True)
class RecommendConfig:
    """How users get recommendations.

    Attributes:
        popular: windows and size of the rankings of popular items.
        recommend: who gets recommendations when, and how many.
        model: the models that rank.
        reward_window: seconds of event time in which a recommendation earns rewards.
        rewards: what an event earns, by the code of its behavior.
        value: how an event's value weighs its reward; None where it does not count.
        keep_feedback: whether to emit feedback, with the histories that were ranked.
        shards: shards of users, the most workers that can share the work.
        bounded: whether the events have an end and come in any order, as from files. Else the
            watermark closes panes as it advances.
        allowed_lateness: seconds of event time after a pane's end for which late events are
            received.
        serve: whether to emit the recommendations before they are rewarded, too.
        catalogue: what is available when; None for all items.
        ids: the kinds of the events' ids.
        explore: which places of which lists are drawn.
        new_items: which places are for items of the catalogue that no model knows; its source
            must say what is new for `new_items.seconds`.
        forgotten: which users are forgotten when; None for nobody.

    Raises:
        ValueError: the settings of `explore` or `new_items` have no effect or cannot work with
            the others.
    """

    popular: PopularSettings = field(default_factory=PopularSettings)
    recommend: RecommendSettings = field(default_factory=RecommendSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    reward_window: int = 600
    rewards: tuple[float, ...] = USUAL_REWARDS
    value: ValueWeight | None = None
    keep_feedback: bool = False
    shards: int = 16
    bounded: bool = False
    allowed_lateness: int = 3600
    serve: bool = False
    catalogue: CatalogueSource | None = None
    ids: IdKinds = INTEGERS
    explore: ExploreSettings = field(default_factory=ExploreSettings)
    new_items: NewItemSettings = field(default_factory=NewItemSettings)
    forgotten: ForgottenSource | None = None

    def __post_init__(self) -> None:
        recommendations = self.recommend.recommendations
        for problem in self.explore.conflicts(recommendations, self.model.model):
            raise ValueError(problem)
        items = self.catalogue is not None
        for problem in self.new_items.conflicts(
            recommendations, self.model.model, self.explore, items=items
        ):
            raise ValueError(problem)

    @property
    def pane(self) -> int:
        """Seconds on whose multiples closed blocks begin and end.

        In a stream it divides every window and period, so that each is a whole number of panes.
        """
        if self.bounded:
            return self.recommend.recommend_period
        return math.gcd(
            self.popular.popular_window,
            self.popular.popular_period,
            self.recommend.recommend_window,
            self.recommend.recommend_period,
            self.reward_window,
        )

    @property
    def min_history(self) -> int:
        """Events in a history from which on the policy ranks."""
        return min_history_of(self.recommend, self.model, self.ids)

    @property
    def reward_rules(self) -> RewardRules:
        """How recommendations earn rewards."""
        return RewardRules(
            self.reward_window,
            self.recommend.history_ttl,
            every_minute=not self.bounded,
            rewards=self.rewards,
            value=self.value,
        )

    @property
    def history_rules(self) -> HistoryRules:
        """How histories are kept."""
        return HistoryRules(
            Schedule(self.recommend.recommend_window, self.recommend.recommend_period),
            self.pane,
            self.recommend.history_size,
            self.min_history,
            self.recommend.history_ttl,
            self.popular.popular_size,
            self.reward_rules,
            self.recommend.exclude_bought,
        )

"""The settings of the pipelines' steps: popular items, recommendations, models, feedback."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.exploration.limits import MAX_CANDIDATES
from inference.exploration.names import NONE, parse_explore
from inference.models.files import MODEL_BYTES
from pipelines.related_options import RelatedSettings
from rivulet.configuration import Configuration
from rivulet.limits import HISTORY_SIZE, POPULAR_PERIOD, RECOMMEND_PERIOD, RECOMMENDATIONS
from rivulet.settings import option

if TYPE_CHECKING:
    from inference.exploration.rules import Exploration


@dataclass(frozen=True)
class PopularSettings:
    """What is popular now.

    Attributes:
        popular_window: events that a ranking counts, in seconds of event time.
        popular_period: time between the ends of two rankings, in seconds of event time.
        popular_size: items in a ranking.
        popular_cap: largest number of events of one user on an item that count in a window; 0
            for no limit.
    """

    popular_window: int = option(3600, "SECONDS", least=1)
    popular_period: int = option(POPULAR_PERIOD, "SECONDS", least=1)
    popular_size: int = option(17, "N", least=1)
    popular_cap: int = option(0, "N", least=0)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.popular_window < self.popular_period:
            return [
                f"--popular_window={self.popular_window} is shorter than --popular_period="
                f"{self.popular_period}: events between two windows would count nowhere"
            ]
        return []


@dataclass(frozen=True)
class RecommendSettings:
    """Who gets recommendations, when, and how many.

    Attributes:
        recommend_window: a user with an event in the last so many seconds of event time gets a
            recommendation.
        recommend_period: time between two recommendations, in seconds of event time.
        history_size: last events that make a user's history.
        min_history: events in the history from which on the policy ranks; users with fewer get
            popular items.
        recommendations: items of a recommendation.
        repeat_consumed: recommend items of the user's history too.
        exclude_bought: recommend no item that the user bought in the last so many seconds of
            event time, however long ago in events; of a user's purchases the last 256 count; 0
            for no such rule.
        history_ttl: forget a user without an event for so long, in seconds of event time; 0 for
            never, which takes about 60 bytes a user, and as much of a worker's memory.
    """

    recommend_window: int = option(60, "SECONDS", least=1)
    recommend_period: int = option(RECOMMEND_PERIOD, "SECONDS", least=1)
    history_size: int = option(HISTORY_SIZE, "N", least=1)
    min_history: int | None = option(None, "N", least=0, shown="what model.json says, else 10")
    recommendations: int = option(RECOMMENDATIONS, "N", least=1)
    repeat_consumed: bool = option(False)
    exclude_bought: int = option(30 * 86_400, "SECONDS", least=0)
    history_ttl: int = option(0, "SECONDS", least=0)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.min_history is not None and self.min_history > self.history_size:
            return [
                f"--min_history={self.min_history} is more than --history_size="
                f"{self.history_size}: no user would ever get the policy's recommendations"
            ]
        return []


def _explore(text: str) -> str:
    parse_explore(text)
    return text


@dataclass(frozen=True)
class ExploreSettings:
    """Exploration: random places in the lists, so that a log says what else users like.

    Attributes:
        explore: none; epsilon:SHARE, which fills that share of the places evenly from the pool; or
            softmax:TEMPERATURE, which prefers items with larger scores (from -1 to 1), the more
            the lower the temperature. What is drawn depends on the user, the ranking time, the
            model's version and --explore_seed alone.
        explore_users: share of the users whose lists explore, by a salted hash.
        explore_places: last places of a list that are drawn.
        explore_pool: the policy's best items from which they are drawn, without those of the first
            places.
        explore_seed: another number makes other draws, and selects other users.
    """

    explore: str = option("none", "none, epsilon:SHARE or softmax:TEMPERATURE", parse=_explore)
    explore_users: float = option(0.05, "SHARE", above=0, most=1)
    explore_places: int = option(2, "N", least=1)
    explore_pool: int = option(32, "N", least=2, most=MAX_CANDIDATES)
    explore_seed: int = option(0, "N", least=0, most=2**63 - 1)

    @property
    def exploration(self) -> Exploration | None:
        """How the job explores; None where it does not."""
        design, amount = parse_explore(self.explore)
        if design == NONE:
            return None
        # It imports NumPy, which --help must not wait for.
        from inference.exploration.rules import Exploration

        return Exploration(
            design,
            amount,
            self.explore_users,
            self.explore_places,
            self.explore_pool,
            self.explore_seed,
        )

    def conflicts(self, recommendations: int, model: Sequence[str]) -> Iterator[str]:
        """What has no effect or cannot work together with other options, a line each.

        Args:
            recommendations: items of a recommendation.
            model: the values of --model.
        """
        if self.exploration is None:
            for field in dataclasses.fields(self):
                if getattr(self, field.name) != field.default:
                    yield f"--{field.name} has no effect without --explore=epsilon:SHARE"
            return
        if self.explore_places > recommendations:
            yield (
                f"--explore_places={self.explore_places} is more than --recommendations="
                f"{recommendations}: a list has no more places"
            )
        if self.explore_pool <= recommendations:
            yield (
                f"--explore_pool={self.explore_pool} is not more than --recommendations="
                f"{recommendations}: there would be nothing to draw"
            )
        if tuple(model) == ("none",):
            yield f"--explore={self.explore} has no effect with --model=none"


@dataclass(frozen=True)
class NewItemSettings:
    """Items of the catalogue that the model does not know yet, by their categories.

    Attributes:
        new_items: share of a list's places for items that were created a short time ago and that
            the policy's model does not know, best first by the vector of their category (the mean
            of the items that the model knows); the catalogue must have `category` and `created`.
        new_item_days: an item is new for so many days after its `created`.
    """

    new_items: float = option(0.0, "SHARE", least=0, most=1)
    new_item_days: int = option(30, "DAYS", least=1, most=3650)

    def places(self, recommendations: int) -> int:
        """Places of a list that new items may have.

        Args:
            recommendations: items of a recommendation.
        """
        return int(self.new_items * recommendations + 1e-9)

    @property
    def seconds(self) -> int:
        """For how long an item is new; 0 where new items have no places."""
        return self.new_item_days * 86_400 if self.new_items else 0

    def conflicts(
        self, recommendations: int, model: Sequence[str], explore: ExploreSettings, *, items: bool
    ) -> Iterator[str]:
        """What has no effect or cannot work together with other options, a line each.

        Args:
            recommendations: items of a recommendation.
            model: the values of --model.
            explore: which places are drawn.
            items: whether there is a catalogue.
        """
        if not self.new_items:
            if self.new_item_days != NewItemSettings.new_item_days:
                yield "--new_item_days has no effect without --new_items=SHARE"
            return
        given = f"--new_items={self.new_items:g}"
        if not items:
            yield f"{given} needs the catalogue: give it with --items"
        if tuple(model) == ("none",):
            yield f"{given} has no effect with --model=none"
        places = self.places(recommendations)
        if not places:
            yield f"{given} of --recommendations={recommendations} is less than one place"
        drawn = explore.explore_places if explore.exploration is not None else 0
        if drawn and places + drawn > recommendations:
            yield (
                f"{given} ({places} places) and --explore_places={drawn} are more than "
                f"--recommendations={recommendations}"
            )


@dataclass(frozen=True)
class ShardSettings:
    """How the work is divided.

    Attributes:
        shards: shards among which the users are divided: the most workers that can share the
            work, and part of the state's shape.
    """

    shards: int = option(16, "N", least=1)


@dataclass(frozen=True)
class ModelSettings:
    """The policy.

    Attributes:
        model: directory of a trained model, or of several versions with a file CURRENT that names
            the one in use; given several times with weights, the models share the users; 'none'
            for popular items alone.
        min_known: a model is not used, and its users get popular items, if a smaller share of its
            items occurs among those of the input's first 100,000 events (of a topic: the newest),
            or of the different items there if these are fewer, and in the catalogue; 0 for no
            such rule.
        max_model_bytes: largest size of a file of a model directory, in bytes.
    """

    model: tuple[str, ...] = option(
        (), "[NAME=]DIR[:WEIGHT]", shown="the model that comes with Rivulet"
    )
    max_model_bytes: int = option(MODEL_BYTES, "BYTES", least=1)
    min_known: float = option(0.1, "SHARE", least=0, most=1)


STREAMING_WINDOW = 600
"""Seconds of event time in one file of the feedback log of a stream."""


@dataclass(frozen=True)
class FeedbackSettings:
    """What came of the recommendations.

    Attributes:
        reward_window: time after a recommendation in which its items earn rewards, in seconds of
            event time.
        feedback: directory of the feedback log (Parquet): what was shown, to whom, in what state,
            and what it earned.
        feedback_window: event time in one file of the log of a stream, in seconds; a file is there
            when its window and the reward windows before it are over.
        impressions: which lists users saw, and when: rows `user,T,time` of a list's user, its
            ranking time and the moment, in files (CSV with a header, JSON lines) where --input is
            files, else kafka://HOST:PORT/TOPIC (CSV or JSON). A list counts as shown when an
            impression says so.
    """

    reward_window: int = option(600, "SECONDS", least=1)
    feedback: str | None = option(None, "DIR", shown="not written")
    feedback_window: int = option(STREAMING_WINDOW, "SECONDS", least=1)
    impressions: str | None = option(
        None, "URL", shown="a list counts as shown where it differs from the user's list before"
    )

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = []
        if self.impressions is not None and not self.impressions.strip():
            found.append("--impressions is empty: give a path or a URL")
        if self.feedback is None and self.feedback_window != STREAMING_WINDOW:
            found.append("--feedback_window has no effect without --feedback=DIR")
        return found


def pane_seconds_of(chosen: Configuration) -> int:
    """The length of a pane: the greatest that divides every window and period of the job.

    Args:
        chosen: the job's settings; what it does not do takes no part.

    Returns:
        Seconds of event time.
    """
    spans: list[int] = []
    if PopularSettings in chosen:
        popular = chosen[PopularSettings]
        spans += [popular.popular_window, popular.popular_period]
    if RelatedSettings in chosen and RecommendSettings not in chosen:
        related = chosen[RelatedSettings]
        # Beside recommendations it has to be a multiple of their panes (`modes`).
        spans += [related.related_gap] if related.related else []
    if RecommendSettings in chosen:
        recommend = chosen[RecommendSettings]
        spans += [recommend.recommend_window, recommend.recommend_period]
    if FeedbackSettings in chosen:
        spans.append(chosen[FeedbackSettings].reward_window)
    return math.gcd(*spans)

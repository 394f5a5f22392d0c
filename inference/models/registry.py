"""The models of a job: each user's model ranks for the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.models.choices import ModelChoice, shares
from inference.models.current import CURRENT
from inference.models.files import MODEL_BYTES
from inference.models.versions import VersionedModel
from transforms.messages.exclusions import Exclusions
from transforms.messages.id_kinds import IdKinds
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]


class Registry:
    """Models that share the users.

    Args:
        choices: at least one.
        device: where they run.
        limit: most bytes of a file of a model directory.
        clock: seconds, monotonic.
        unused: places of models that rank nothing for their users.
        ids: the kinds of ids that the models must have; None for any.

    Raises:
        ModelError: a model cannot be loaded.
    """

    def __init__(
        self,
        choices: Sequence[ModelChoice],
        device: str = "cpu",
        limit: int = MODEL_BYTES,
        clock: Callable[[], float] = time.monotonic,
        unused: tuple[int, ...] = (),
        ids: IdKinds | None = None,
    ) -> None:
        self.unused = unused
        self.weights = [choice.weight for choice in choices]
        self.models = [VersionedModel(choice, device, limit, clock, ids) for choice in choices]

    @property
    def refused(self) -> int:
        """How many new versions could not be used so far."""
        return sum(model.refused for model in self.models)

    def rank(
        self,
        users: Int64s,
        histories: Int64s,
        lengths: Int64s,
        k: int,
        repeat_consumed: bool = False,
        exclusions: Exclusions | None = None,
        scored: bool = False,
        new: int = 0,
        times: Int64s | None = None,
    ) -> RankedLists:
        """Each row's list by its user's model, with that model's label; as `Policy.rank`.

        `times`, int64 [n], are the ranking times, by which a folder says which version ranks.
        """
        share = shares(users, self.weights)
        parts = []
        for number, model in enumerate(self.models):
            at = np.flatnonzero(share == number)
            if not len(at) or number in self.unused:
                continue
            for rows, policy in model.parts(users[at], None if times is None else times[at]):
                own = at[rows]
                given = policy.rank(
                    users[own], histories[own], lengths[own], k, repeat_consumed,
                    exclusions.take(own) if exclusions else None, scored, new=new,
                )  # fmt: skip
                parts.append((own, given))
        return RankedLists.joined(len(users), k, parts, scored, new)


@dataclass(frozen=True)
class RegistrySource:
    """Loads a registry in a worker (`inference.models.ranker.RankerSource`).

    Attributes:
        choices: the models, as `parse_models` returns them.
        device: where they run.
        limit: most bytes of a file of a model directory.
        unused: places of models that rank nothing for their users.
        ids: the kinds of ids that the models must have; None for any.
    """

    choices: tuple[ModelChoice, ...]
    device: str = "cpu"
    limit: int = MODEL_BYTES
    unused: tuple[int, ...] = ()
    ids: IdKinds | None = None

    @property
    def by_time(self) -> bool:
        """Whether the version that ranks may depend on the ranking time: folders of versions."""
        return any((choice.directory / CURRENT).exists() for choice in self.choices)

    def load(self) -> Registry:
        """Loads the models.

        Raises:
            ModelError: one of them cannot be loaded.
        """
        return Registry(self.choices, self.device, self.limit, unused=self.unused, ids=self.ids)

"""Estimates from a feedback log: a policy's lists against those that were shown.

A row is an item of a list. p is the probability that the list had the item and π_e the probability
that the policy's list has it, so that the sum over the rows of a list of w r estimates what the
policy's list would have earned, where an item's reward depends on being in the list alone.

Lists in which nothing was drawn are no support (spec section 4). Estimates are from the others:
whether a list explores is decided by a hash of its user, which is independent of rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from inference.models.ids import IdMap
from inference.policy import Policy
from training.estimation.estimators import RIPS
from training.estimation.fqe import fitted_q
from training.estimation.intervals import effective_sample_size
from training.estimation.item_vectors import item_vectors
from training.estimation.list_log import ListLog
from training.estimation.list_model import ListModel, fit_list_model
from training.estimation.measure import UNKNOWN, Case, estimates_of
from training.estimation.probabilities import read_place_probabilities
from training.estimation.report import Estimate
from training.estimation.rows import Floats, Rows
from training.estimation.targets import FixedTarget, RankedTarget, Target


@dataclass(frozen=True)
class ListEstimator:
    """Estimates policies on one log; its reward model is fitted once.

    Attributes:
        log: the log, ordered by time.
        switch_threshold: of switch-DR.
        gamma: of FQE.
        min_ess: effective sample size under which nothing is said.
        seed: of the folds.
    """

    log: ListLog
    switch_threshold: float
    gamma: float
    min_ess: float
    seed: int = 0

    @cached_property
    def supported(self) -> ListLog:
        """The lists in which something was drawn."""
        return self.log.take(self.log.explored)

    @cached_property
    def model(self) -> ListModel:
        """The reward model of these lists."""
        return fit_list_model(self.supported, item_vectors(self.supported, self.seed), self.seed)

    @property
    def ids(self) -> IdMap:
        """The log's items."""
        return self.model.vectors.ids

    def target(self, policy: Policy | Path) -> Target:
        """What a policy shows in the states of `supported`.

        Raises:
            EstimationError: the file of probabilities cannot be used.
        """
        log = self.supported
        if isinstance(policy, Policy):
            return RankedTarget.of(policy, log, self.ids)
        names = pd.Index(self.ids.ids.astype(str))
        places = [str(place + 1) for place in range(log.items.shape[1])]
        chance = read_place_probabilities(str(policy), names, places, self.ids.ids)
        # What the file gives to items that the log does not have is the unknown item's.
        missing = 1 - chance.sum(axis=0)
        return FixedTarget.of(np.vstack([chance, missing]).T, log.length)

    def rows(self, target: Target, modelled: bool = True) -> Rows:
        """The rows of `supported` for a policy.

        Args:
            target: what the policy shows.
            modelled: whether to fill in the reward model's predictions.
        """
        log, real = self.supported, self.supported.real
        episode, _ = np.nonzero(real)
        shown = self.ids.rows(log.items)
        _, user = np.unique(log.user, return_inverse=True)
        predicted, expected = np.zeros(len(episode)), np.zeros(len(episode))
        if modelled:
            predicted = self.model.shown[real]
            expected = (self.model.expected(target) / np.maximum(log.length, 1))[episode]
        return Rows(
            reward=log.reward[real],
            propensity=log.propensity[real],
            chance=target.chance(shown)[real],
            episode=episode,
            cluster=user[episode],
            modelled=predicted,
            expected=expected,
        )

    def estimates(self, name: str, policy: Policy | Path, names: Sequence[str]) -> list[Estimate]:
        """The estimates of a policy.

        Args:
            name: how results name it.
            policy: a model, or a file of probabilities.
            names: of the estimators.

        Raises:
            EstimationError: the policy cannot be used with the log.
        """
        n, lists = len(self.supported), len(self.log)
        if not n:
            case = Case(name, 1.0, 0, lists, self.min_ess)
            return [case.estimate(each, UNKNOWN) for each in names]
        target = self.target(policy)
        rows = self.rows(target)
        case = Case(name, self.unsupported(target, rows.weight), n, lists, self.min_ess)
        found: list[Estimate] = []
        for each in names:
            if each == RIPS.name:
                # Of whole lists there is less support than of their items.
                share = self.unsupported(target, RIPS().weights(rows))
                found += estimates_of(replace(case, unsupported=share), rows, [each], 1)
            elif each != "fqe":
                found += estimates_of(case, rows, [each], self.switch_threshold)
            else:
                found.append(self._long_term(case, target))
        return found

    def _long_term(self, case: Case, target: Target) -> Estimate:
        long = fitted_q(self.supported, self.model, target, self.gamma)
        if long is None:
            return case.estimate("fqe", UNKNOWN)
        ess = effective_sample_size(long.weight)
        return case.estimate("fqe", long.interval, ess, float(long.weight.max()))

    def unsupported(self, target: Target, weight: Floats) -> float:
        """The share of the policy's items without support.

        A list's weights sum to the number of its items that the log could have shown, in
        expectation. Lists in which nothing was drawn have no support.
        """
        ones = np.ones((len(self.ids) + 1, 1))
        per_list = float(target.sums(ones).sum()) / len(self.supported)
        if not per_list:
            return 1.0
        share = float(weight.sum()) / len(self.log) / per_list
        return float(np.clip(1 - share, 0, 1))

"""Estimates from a plain bandit log: policies that look at no context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.estimation.bandit_log import BanditLog
from training.estimation.measure import Case, estimates_of
from training.estimation.probabilities import read_probabilities
from training.estimation.report import Estimate
from training.estimation.reward_model import Modelled, fit_reward_model
from training.estimation.rows import Floats, Rows


class BanditEstimator:
    """Estimates policies on one log; its reward model is fitted once.

    A row whose propensity is 1 could show nothing else: it is no support, and left out.

    Args:
        log: the log.
        switch_threshold: of switch-DR.
        min_ess: effective sample size under which nothing is said.
        seed: of the folds.
    """

    def __init__(
        self, log: BanditLog, switch_threshold: float, min_ess: float, seed: int = 0
    ) -> None:
        self._log, self._threshold, self._min_ess = log, switch_threshold, min_ess
        self._supported = log.take(log.propensity < 1)
        self._model: Modelled | None = None
        if len(self._supported.item):
            self._model = fit_reward_model(self._supported, seed)

    def estimates(self, name: str, file: str, names: Sequence[str]) -> list[Estimate]:
        """The estimates of a policy.

        Args:
            name: how results name it.
            file: CSV file of its probabilities.
            names: of the estimators.

        Raises:
            EstimationError: the file cannot be used, or the log has impossible values.
        """
        chance = read_probabilities(file, self._log)
        log = self._supported
        case = Case(
            name, self._unsupported(chance), len(log.item), len(self._log.item), self._min_ess
        )
        return list(estimates_of(case, self._rows(chance), names, self._threshold))

    def _rows(self, chance: Floats) -> Rows:
        log = self._supported
        none = np.zeros(len(log.item))
        return Rows(
            reward=log.reward,
            propensity=log.propensity,
            chance=chance[log.item, log.place],
            episode=np.arange(len(log.item)),
            cluster=log.cluster,
            modelled=self._model.shown if self._model else none,
            expected=self._model.expected(chance, log.place) if self._model else none,
        )

    def _unsupported(self, chance: Floats) -> float:
        """The share of the policy's items that the log never drew at their places."""
        log = self._supported
        drawn = np.zeros(chance.shape, bool)
        drawn[log.item, log.place] = True
        covered = (chance * drawn).sum(axis=0)
        total = float(covered[log.place].sum()) / len(self._log.item)
        return float(np.clip(1 - total, 0, 1))

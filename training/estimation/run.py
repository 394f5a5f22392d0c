"""One run of `training.estimate`: reads the log, estimates each policy."""

from __future__ import annotations

from pathlib import Path

from inference.models.directory import load_policy
from training.estimation.bandit_estimates import BanditEstimator
from training.estimation.bandit_log import read_bandit_log, read_fields
from training.estimation.list_estimates import ListEstimator
from training.estimation.list_log import read_list_log
from training.estimation.options import FILE, EstimateSettings
from training.estimation.report import Estimate
from training.evaluation.models import find_models


def estimate(settings: EstimateSettings) -> list[Estimate]:
    """The estimates that the settings ask for, policy by policy.

    Raises:
        EstimationError: the log or a file of probabilities cannot be used.
        ModelError: a model directory cannot be used.
    """
    if settings.schema:
        log = read_bandit_log(str(settings.log), read_fields(settings.schema))
        of_rows = BanditEstimator(log, settings.switch_threshold, settings.min_ess, settings.seed)
        return [
            each
            for policy in settings.policy
            for each in of_rows.estimates(policy, policy.removeprefix(FILE), settings.names)
        ]
    lists = read_list_log(settings.log)
    lists = lists.take(slice(len(lists) - max(1, round(len(lists) * settings.last)), None))
    of_lists = ListEstimator(
        lists, settings.switch_threshold, settings.gamma, settings.min_ess, settings.seed
    )
    found = []
    for policy in settings.policy:
        if policy.startswith(FILE):
            found += of_lists.estimates(policy, Path(policy.removeprefix(FILE)), settings.names)
            continue
        models = find_models(Path(policy))
        for model in models:
            name = policy if len(models) == 1 else str(model)
            found += of_lists.estimates(name, load_policy(model, settings.device), settings.names)
    return found

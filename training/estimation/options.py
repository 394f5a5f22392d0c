"""The options of `python -m training.estimate`.

The module imports no NumPy, so that `--help` starts fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rivulet.settings import option
from training.cli import device

NAMES = ("ips", "snips", "dm", "dr", "switch-dr", "rips", "fqe")
"""The estimators, in the order of results."""
FILE = "probabilities:"
"""What a --policy that is a file of probabilities begins with."""
GAMMA, THRESHOLD = 0.9, 10.0


def _estimator(text: str) -> str:
    if text not in ("all", *NAMES):
        raise ValueError(f"{text!r} is none of all, {', '.join(NAMES)}")
    return text


@dataclass(frozen=True)
class EstimateSettings:
    """Log, policies and results.

    Attributes:
        log: feedback log: a Parquet file, or a folder of them. With --schema a plain bandit log:
            a CSV or Parquet file with a row per item shown.
        policy: policies to estimate: model directories, or probabilities:FILE, a CSV file item,
            place, probability of a policy that looks at no context.
        estimator: all, or names of estimators: ips, snips, dm, dr, switch-dr, rips, fqe.
        schema: columns of a plain bandit log: the preset obd (Open Bandit Dataset), or a TOML file
            with fields.item, reward, propensity, place, context and user.
        json: file to write the estimates to, as JSON.
        min_ess: effective sample size under which an estimate is "cannot tell".
        last: share of a feedback log's lists to estimate from, the latest ones; leave out the lists
            that a model was trained on.
        gamma: discount per list of a user in fqe.
        switch_threshold: importance weight above which switch-dr takes the reward model alone.
        seed: seed of the folds of the reward model.
        device: PyTorch device of the models, such as cpu or cuda.
    """

    log: Path = option(metavar="LOG")
    policy: tuple[str, ...] = option(metavar="POLICY", several=True)
    estimator: tuple[str, ...] = option(("all",), "NAME,..", parse=_estimator, separated=True)
    schema: str = option("", "SCHEMA", shown="none: a feedback log")
    json: Path | None = option(None, "FILE")
    min_ess: float = option(100.0, "ROWS", least=0)
    last: float = option(1.0, "SHARE", above=0, most=1)
    gamma: float = option(GAMMA, "SHARE", least=0, most=0.999)
    switch_threshold: float = option(THRESHOLD, "WEIGHT", above=0)
    seed: int = option(0, "N", least=0)
    device: str = option("cpu", "DEVICE", parse=device)

    @property
    def names(self) -> list[str]:
        """The estimators to compute; fqe needs users' lists, which a bandit log does not have."""
        all_names = [name for name in NAMES if not (self.schema and name == "fqe")]
        return all_names if "all" in self.estimator else list(dict.fromkeys(self.estimator))

    def problems(self) -> Iterator[str]:
        """Options that have no effect."""
        if self.gamma != GAMMA and "fqe" not in self.names:
            yield "--gamma is of the estimator fqe"
        if self.switch_threshold != THRESHOLD and "switch-dr" not in self.names:
            yield "--switch_threshold is of the estimator switch-dr"
        if self.schema and self.last != 1:
            yield "--last is of feedback logs: a bandit log has no times"
        if self.schema and "fqe" in self.estimator:
            yield "fqe needs a feedback log: a bandit log does not say which rows follow each other"
        models = [policy for policy in self.policy if not policy.startswith(FILE)]
        if self.schema and models:
            yield (
                f"--policy {models[0]}: a model ranks by histories, which a bandit log does not "
                "have; give probabilities:FILE"
            )
        if self.device != "cpu" and not models:
            yield "--device is of models, and no --policy is a model directory"

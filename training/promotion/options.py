"""The options of `python -m training.loop`; the module imports no PyTorch, for a fast `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rivulet.settings import option
from training.cli import device

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def duration(text: str) -> int:
    """Seconds of a text such as 90s, 15m, 1h or 30d; a `parse` for `rivulet.settings.option`.

    Raises:
        ValueError: it is no duration above 0.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is no duration such as 90s, 15m, 1h or 30d")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class LoopSettings:
    """Log, models and gate.

    Attributes:
        log: folder of a job's --feedback.
        models: folder of versions, with a file CURRENT that names the one in use.
        every: event time of the log after which the next round begins, such as 1h; without it one
            round runs.
        holdout: share of the lists to estimate from, the latest ones of those that the model in
            use did not learn from; the candidate is trained on what is before.
        horizon: event time before the log's end that counts, such as 30d.
        min_ess: effective sample size under which the gate cannot tell.
        most_unsupported: largest share of a candidate's items that the log could not have shown.
        keep_versions: versions of this loop to keep, beside the one in use and the one before.
        poll: seconds between looks at the log.
        canary: share of the users who get a version that passed the gate first; half of all are
            next, then all. It is rolled back where its users' rewards are shown to be lower. 0
            gives it to all at once.
        stage: event time after which the next share follows, with --canary.
        lead: event time from the log's newest list to the time at which new shares hold, which
            must be ahead of the job; with --canary.
        scratch: folder for data sets while a round runs.
        device: PyTorch device, such as cpu or cuda.
    """

    log: Path = option(metavar="LOG")
    models: Path = option(metavar="MODELS")
    every: int | None = option(None, "DURATION", parse=duration, shown="one round")
    holdout: float = option(0.3, "SHARE", above=0, most=0.9)
    horizon: int = option(30 * 86_400, "DURATION", parse=duration, shown="30d")
    min_ess: float = option(100.0, "ROWS", least=0)
    most_unsupported: float = option(0.5, "SHARE", least=0, most=1)
    keep_versions: int = option(10, "N", least=1)
    poll: float = option(5.0, "SECONDS", least=0.1)
    canary: float = option(0.0, "SHARE", least=0, most=0.5)
    stage: int = option(3600, "DURATION", parse=duration, shown="1h")
    lead: int | None = option(
        None, "DURATION", parse=duration, shown="two reward windows and 10 minutes"
    )
    scratch: Path | None = option(None, "DIR", shown="MODELS/.loop")
    device: str = option("cpu", "DEVICE", parse=device)

    def problems(self) -> Iterator[str]:
        """An option without effect."""
        if self.every is None and self.poll != 5:
            yield "--poll is of a loop with --every"
        if not self.canary and (self.stage != 3600 or self.lead is not None):
            yield "--stage and --lead have no effect without --canary"


@dataclass(frozen=True)
class RetrainSettings:
    """Training.

    Attributes:
        algorithm: algorithm to train: reinforce, ddpg, bcq, rewards, or one that an installed
            package registers.
        pretrain_epochs: epochs of supervised learning of what users did, at most.
        epochs: epochs of the algorithm, at most.
        seed: seed of the training and of the gate's folds.
    """

    algorithm: str = option("reinforce", "NAME")
    pretrain_epochs: int = option(10, "EPOCHS", least=0)
    epochs: int = option(10, "EPOCHS", least=0)
    seed: int = option(0, "N", least=0)

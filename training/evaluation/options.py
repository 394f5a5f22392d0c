"""The options of `python -m training.evaluate`, and the names of its baselines.

The module imports no PyTorch, so that `--help` starts fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rivulet.settings import option
from training.cli import device

RECENT_SHARE = 0.1
"""Share of the events before a user's split that popular-recent counts."""

BASELINES = {
    "popular": "items with the most events",
    "popular-recent": f"the same in the last {RECENT_SHARE:.0%} of the events before the split",
    "own-recent": "the user's own items, the last one first, then popular-recent",
    "item-knn": "cosine of items over users",
    "vsknn": "items of the most similar sessions",
    "ease": "a linear model of items in closed form; lambda and decay by validation",
    "ials": "implicit matrix factorisation; alpha and lambda by validation",
    "sasrec": "self-attention over the last 50 items, by cross-entropy",
    "gru4rec": "a recurrent unit over the last 50 items, by cross-entropy",
}
"""The baselines by name, with what each is."""

GOALS = ("later", "next")
"""Targets: all later items, or the next one."""


def _baseline(text: str) -> str:
    if text not in ("all", "none", *BASELINES):
        raise ValueError(f"{text!r} is none of all, none, {', '.join(BASELINES)}")
    return text


@dataclass(frozen=True)
class EvaluateSettings:
    """Data, models and results.

    Attributes:
        data: folder that training.prepare wrote.
        model: model directories.
        json: file to write the metrics to, as JSON.
        record: also write the metrics into the model.json of each --model that is a single one.
        plot: file to draw NDCG@10 to (.svg, .png, .pdf).
        baselines: all, none, or names of baselines: popular, popular-recent, own-recent,
            item-knn, vsknn, ease, ials, sasrec, gru4rec. Where the data are too large for ease,
            all leaves it out.
        against: the row that the others are compared with, user by user.
        seeds: trainings of each trained baseline.
        goal: targets of the metrics at the top level of the JSON; `protocols` there has all.
        repeat_consumed: let these metrics be those with repeats allowed instead of new items.
        users: users to ask, a sample of more.
        samples: bootstrap samples.
        seed: seed of the bootstrap and the sample of users.
        device: PyTorch device of models and trained baselines, such as cpu or cuda.
    """

    data: Path = option(metavar="DATA")
    model: tuple[Path, ...] = option((), "MODEL", several=True, shown="none")
    json: Path | None = option(None, "FILE")
    record: bool = option(False)
    plot: Path | None = option(None, "FILE")
    baselines: tuple[str, ...] = option(("all",), "NAME,..", parse=_baseline, separated=True)
    against: str | None = option(None, "NAME", shown="the baseline with the largest NDCG@10")
    seeds: int = option(3, "N", least=1)
    goal: str = option("later", choices=GOALS)
    repeat_consumed: bool = option(False)
    users: int = option(10_000, "USERS", least=1)
    samples: int = option(1_000, "N", least=1)
    seed: int = option(0, "N", least=0)
    device: str = option("cpu", "DEVICE", parse=device)

    @property
    def wanted_baselines(self) -> list[str]:
        """The names of the baselines to measure."""
        if "all" in self.baselines:
            return list(BASELINES)
        return [name for name in self.baselines if name != "none"]

    def problems(self) -> Iterator[str]:
        """Nothing to measure, or a record without a model."""
        if not self.model and not self.wanted_baselines:
            yield "there is nothing to measure: give a --model, or --baselines"
        if self.record and not self.model:
            yield "--record writes into models; give a --model"

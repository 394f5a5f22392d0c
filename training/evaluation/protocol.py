"""One protocol for all rankers: the same cases, the same lists' depth, the same intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training.datasets.sequences import TEST
from training.evaluation import metrics
from training.evaluation.metrics import Estimate, Targets
from training.evaluation.queries import GOALS, RULES, EvaluationQueries
from training.evaluation.rankers import Ranker
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]

BLOCK = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Attributes:
        k: places that NDCG, HR, coverage and popularity bias look at.
        depth: places that MRR looks at; an item beyond counts as missed.
        samples: bootstrap samples.
        seed: of the bootstrap.
    """

    k: int = 10
    depth: int = 1_000
    samples: int = 1_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """How one model or baseline did.

    Attributes:
        name: the ranker's name.
        kind: `model` or `baseline`.
        seeds: how many trainings are averaged.
        scores: metric by protocol and by name: scores["later/new"]["ndcg@10"].
    """

    name: str
    kind: str
    seeds: int
    scores: dict[str, dict[str, Estimate]] = field(default_factory=dict)


def measure(
    name: str,
    kind: str,
    rankers: Sequence[Ranker],
    cases: EvaluationQueries,
    settings: Settings,
    advance: Callable[[int], None] = lambda users: None,
) -> Report:
    """Measure a ranker under both rules and for both goals; those without a target are left out.

    Args:
        name: what to call it.
        kind: `model` or `baseline`.
        rankers: one per seed; a user's metrics are the means over them.
        cases: the users to ask about.
        settings: how to measure.
        advance: is told how many users were ranked, for a progress bar.
    """
    report = Report(name, kind, len(rankers))
    for rule in RULES:
        lists = [
            _rank_all(ranker, cases, settings.depth, rule == "repeats", advance)
            for ranker in rankers
        ]
        for goal in GOALS:
            rows, targets = cases.targets(goal, rule)
            if len(rows):
                report.scores[f"{goal}/{rule}"] = _score(lists, cases, rows, targets, settings)
    return report


def _rank_all(
    ranker: Ranker,
    cases: EvaluationQueries,
    depth: int,
    repeats: bool,
    advance: Callable[[int], None],
) -> RankedLists:
    depth = min(depth, len(cases.sequences.items))
    items = np.zeros((len(cases), depth), np.int64)
    length = np.zeros(len(cases), np.int64)
    for start in range(0, len(cases), BLOCK):
        rows = slice(start, min(start + BLOCK, len(cases)))
        ranked = ranker.rank(cases.block(rows), depth, repeats)
        items[rows, : ranked.items.shape[1]] = ranked.items
        length[rows] = ranked.length
        advance(rows.stop - rows.start)
    return RankedLists.deterministic(items, length)


def _score(
    lists: Sequence[RankedLists],
    cases: EvaluationQueries,
    rows: Int64s,
    targets: Targets,
    settings: Settings,
) -> dict[str, Estimate]:
    catalogue, k = cases.sequences.items, settings.k
    counted = np.bincount(
        cases.sequences.item[cases.sequences.part != TEST], minlength=len(catalogue) + 1
    ).astype(np.float64)
    hits = [metrics.find_hits(each.items[rows], each.length[rows], targets) for each in lists]
    samples = metrics.resample(len(rows), settings.seed, settings.samples)
    codes = np.stack([_codes(each, rows, cases, k) for each in lists])
    shown = counted[codes] * (codes >= 0)
    shown_mean = (shown.sum(axis=2) / np.maximum(1, (codes >= 0).sum(axis=2))).mean(axis=0)
    wanted = np.bincount(targets.rows, counted[catalogue.rows(targets.items)], len(rows))

    def mean(values: list[metrics.Floats]) -> Estimate:
        return metrics.mean_interval(np.mean(values, axis=0), samples)

    return {
        f"ndcg@{k}": mean([metrics.ndcg(each, targets.sizes, k) for each in hits]),
        f"hr@{k}": mean([metrics.hit_rate(each, k) for each in hits]),
        "mrr": mean([metrics.reciprocal_rank(each) for each in hits]),
        "coverage": metrics.coverage_interval(codes, len(catalogue), samples),
        "popularity_bias": metrics.ratio_interval(shown_mean, wanted / targets.sizes, samples),
    }


def _codes(lists: RankedLists, rows: Int64s, cases: EvaluationQueries, k: int) -> Int64s:
    """The catalogue rows of the first k of the lists, -1 where there is no item of it."""
    codes = cases.sequences.items.rows(lists.items[rows, :k])
    missing = np.arange(codes.shape[1]) >= lists.length[rows, None]
    codes[missing | (codes == cases.sequences.items.unknown)] = -1
    return codes

"""Measures a ranker: all rankers get equal queries, list lengths, metrics and intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training.datasets.sequences import TEST
from training.evaluation import metrics
from training.evaluation.metrics import Estimate, Targets
from training.evaluation.options import GOALS
from training.evaluation.queries import RULES, EvaluationQueries
from training.evaluation.rankers import Ranker
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MeasureConfig:
    """How to measure.

    Attributes:
        k: places of a list for NDCG, HR, coverage and popularity bias.
        depth: places of a list for MRR; an item beyond them counts as missed.
        samples: bootstrap samples.
        seed: seed of the bootstrap.
    """

    k: int = 10
    depth: int = 1_000
    samples: int = 1_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Differences:
    """A ranker's metrics less those of another one, by user.

    Attributes:
        against: name of the other one.
        scores: the mean differences by metric.
    """

    against: str
    scores: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Report:
    """The metrics of one model or baseline.

    Attributes:
        name: the ranker's name.
        kind: `model` or `baseline`.
        seeds: number of trainings that are averaged.
        scores: metrics by protocol and name: scores["later/new"]["ndcg@10"].
        values: likewise the metrics of each user, float64 [users], where users have one.
        differences: by protocol, to another report; empty for that one
            (`training.evaluation.differences`).
    """

    name: str
    kind: str
    seeds: int
    scores: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    values: dict[str, dict[str, metrics.Floats]] = field(default_factory=dict, repr=False)
    differences: dict[str, Differences] = field(default_factory=dict)


def measure(
    name: str,
    kind: str,
    rankers: Sequence[Ranker],
    queries: EvaluationQueries,
    config: MeasureConfig,
    advance: Callable[[int], None] = lambda users: None,
) -> Report:
    """Measures a ranker for both rules and both goals; those without a target are left out.

    Args:
        name: its name.
        kind: `model` or `baseline`.
        rankers: one per seed; a user's metrics are the means over them.
        queries: users and their histories.
        config: how to measure.
        advance: called with the number of users that were ranked, for a progress bar.
    """
    report = Report(name, kind, len(rankers))
    for rule in RULES:
        lists = [
            _rank_all(ranker, queries, config.depth, rule == "repeats", advance)
            for ranker in rankers
        ]
        for goal in GOALS:
            rows, targets = queries.targets(goal, rule)
            if len(rows):
                protocol = f"{goal}/{rule}"
                values = _user_values(lists, rows, targets, config.k)
                report.values[protocol] = values
                report.scores[protocol] = _score(lists, values, queries, rows, targets, config)
    return report


def _rank_all(
    ranker: Ranker,
    queries: EvaluationQueries,
    depth: int,
    repeats: bool,
    advance: Callable[[int], None],
) -> RankedLists:
    depth = min(depth, len(queries.sequences.items))
    items = np.zeros((len(queries), depth), np.int64)
    length = np.zeros(len(queries), np.int64)
    for rows in queries.blocks():
        ranked = ranker.rank(queries.block(rows), depth, repeats)
        items[rows, : ranked.items.shape[1]] = ranked.items
        length[rows] = ranked.length
        advance(rows.stop - rows.start)
    return RankedLists.deterministic(items, length)


def _user_values(
    lists: Sequence[RankedLists], rows: Int64s, targets: Targets, k: int
) -> dict[str, metrics.Floats]:
    """The metrics of each user, float64 [users], means over the seeds' lists."""
    hits = [metrics.find_hits(each.items[rows], each.length[rows], targets) for each in lists]
    values = {
        f"ndcg@{k}": [metrics.ndcg(each, targets.sizes, k) for each in hits],
        f"hr@{k}": [metrics.hit_rate(each, k) for each in hits],
        "mrr": [metrics.reciprocal_rank(each) for each in hits],
    }
    return {name: np.mean(each, axis=0) for name, each in values.items()}


def _score(
    lists: Sequence[RankedLists],
    values: dict[str, metrics.Floats],
    queries: EvaluationQueries,
    rows: Int64s,
    targets: Targets,
    config: MeasureConfig,
) -> dict[str, Estimate]:
    catalogue, k = queries.sequences.items, config.k
    counted = np.bincount(
        queries.sequences.item[queries.sequences.split != TEST], minlength=len(catalogue) + 1
    ).astype(np.float64)
    samples = metrics.resample(len(rows), config.seed, config.samples)
    codes = np.stack([_codes(each, rows, queries, k) for each in lists])
    popularity = counted[codes] * (codes >= 0)
    listed = (popularity.sum(axis=2) / np.maximum(1, (codes >= 0).sum(axis=2))).mean(axis=0)
    wanted = np.bincount(targets.rows, counted[catalogue.rows(targets.items)], len(rows))
    return {
        **{name: metrics.mean_interval(each, samples) for name, each in values.items()},
        "coverage": metrics.coverage_interval(codes, len(catalogue), samples),
        "popularity_bias": metrics.ratio_interval(listed, wanted / targets.sizes, samples),
    }


def _codes(lists: RankedLists, rows: Int64s, queries: EvaluationQueries, k: int) -> Int64s:
    """The item rows of the first k places of the lists, int64 [n, k]; -1 for no known item."""
    codes = queries.sequences.items.rows(lists.items[rows, :k])
    missing = np.arange(codes.shape[1]) >= lists.length[rows, None]
    codes[missing | (codes == queries.sequences.items.unknown)] = -1
    return codes

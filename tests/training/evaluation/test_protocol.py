"""A whole measurement against the definitions, for a ranker whose lists are known."""

import math

import numpy as np
import pytest

from tests.training.small import sequences_of
from training.evaluation.protocol import MeasureConfig, measure
from training.evaluation.queries import Block, EvaluationQueries
from transforms.messages.ranked_lists import RankedLists

# Ten events a user: eight before the split, two after.
EVENTS = [(1, item, at) for at, item in enumerate([1, 2, 3, 4, 5, 6, 7, 8, 9, 1])] + [
    (2, item, at) for at, item in enumerate([2, 2, 2, 2, 2, 2, 9, 9, 3, 4])
]


class Fixed:
    """Gives everybody 3, 9, 1 and never looks back; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        self.asked.append((k, repeat_consumed))
        n = len(block.users)
        return RankedLists.deterministic(
            np.tile(np.array([3, 9, 1])[:k], (n, 1)), np.full(n, min(k, 3))
        )


def test_numbers_by_hand() -> None:
    ranker, shown = Fixed(), []
    queries = EvaluationQueries.of(sequences_of(EVENTS), 10)
    report = measure(
        "fixed", "baseline", [ranker], queries, MeasureConfig(k=2, depth=3), shown.append
    )
    # User 1 goes on to 9 (new) and 1 (not new); user 2 to 3 and 4, both new.
    second = 1 / math.log2(3)
    new, repeats = report.scores["later/new"], report.scores["later/repeats"]
    assert new["ndcg@2"].value == pytest.approx((second + 1 / (1 + second)) / 2)
    assert repeats["ndcg@2"].value == pytest.approx((second + 1) / (1 + second) / 2)
    assert new["hr@2"].value == 1
    assert new["mrr"].value == pytest.approx((1 / 2 + 1) / 2)
    assert report.scores["next/repeats"]["mrr"].value == pytest.approx((1 / 2 + 1) / 2)
    # The catalogue has 9 items, of which everybody gets two.
    assert new["coverage"].value == pytest.approx(2 / 9)
    # Before the splits 3 came up once, 9 twice and 4 once.
    assert new["popularity_bias"].value == pytest.approx(1.5 / ((2 + 1) / 2))
    assert ranker.asked == [(3, False), (3, True)]
    assert sum(shown) == 4


def test_a_users_metric_is_the_mean_over_seeds() -> None:
    class Other(Fixed):
        def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
            n = len(block.users)
            return RankedLists.deterministic(np.zeros((n, k), np.int64), np.zeros(n, np.int64))

    queries = EvaluationQueries.of(sequences_of(EVENTS), 10)
    one = measure("one", "model", [Fixed()], queries, MeasureConfig(k=2)).scores["later/new"]
    both = measure("both", "model", [Fixed(), Other()], queries, MeasureConfig(k=2))
    assert both.seeds == 2
    for name in ("ndcg@2", "hr@2", "mrr", "coverage"):
        assert both.scores["later/new"][name].value == pytest.approx(one[name].value / 2)

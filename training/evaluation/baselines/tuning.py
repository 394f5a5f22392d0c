"""Chooses the options of a baseline by the validation split."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from training.datasets.sequences import TEST, VALID, Sequences
from training.evaluation import metrics
from training.evaluation.queries import EvaluationQueries
from training.evaluation.rankers import Ranker

OptionsT = TypeVar("OptionsT")

USERS = 2_000
"""Users to validate on, a sample of more."""
CUT = 10


def validation_of(sequences: Sequences) -> Sequences:
    """The events before each user's split, with the validation split as the events to predict."""
    kept = np.flatnonzero(sequences.split != TEST)
    start = sequences.start[kept]
    first = np.r_[True, start[1:] != start[:-1]][: len(kept)]
    return replace(
        sequences,
        user=sequences.user[kept],
        item=sequences.item[kept],
        raw_item=sequences.raw_item[kept],
        label=sequences.label[kept],
        time=sequences.time[kept],
        split=np.where(sequences.split[kept] == VALID, TEST, sequences.split[kept]).astype(np.int8),
        start=np.maximum.accumulate(np.where(first, np.arange(len(kept)), 0)),
    )


def choose(
    candidates: Iterable[tuple[OptionsT, Ranker]],
    validation: Sequences,
    advance: Callable[[float], None] = lambda score: None,
) -> OptionsT:
    """The options whose ranker has the largest NDCG@10 of all later new items.

    Without an item to predict the first options are chosen, as are the first of equal ones.

    Args:
        candidates: options, and a ranker that was fitted with them to `validation`.
        validation: what `validation_of` returned.
        advance: called with each score.
    """
    queries = EvaluationQueries.of(validation, USERS)
    rows, targets = queries.targets("later", "new") if len(queries) else (None, None)
    best: tuple[float, OptionsT] | None = None
    for options, ranker in candidates:
        if rows is None or targets is None or not len(rows):
            return options
        items = np.zeros((len(queries), CUT), np.int64)
        length = np.zeros(len(queries), np.int64)
        for part in queries.blocks():
            ranked = ranker.rank(queries.block(part), CUT, False)
            items[part, : ranked.items.shape[1]] = ranked.items
            length[part] = ranked.length
        hits = metrics.find_hits(items[rows], length[rows], targets)
        score = float(metrics.ndcg(hits, targets.sizes, CUT).mean())
        advance(score)
        if best is None or score > best[0]:
            best = score, options
    if best is None:
        raise ValueError("there are no options to choose from")
    return best[1]

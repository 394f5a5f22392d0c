"""Baselines without training: popular items, and the user's own last items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from training.datasets.sequences import TEST, Sequences
from training.evaluation.baselines.scores import best_of, history_rows
from training.evaluation.queries import Block
from transforms.messages.ranked_lists import RankedLists


class Popular:
    """The items with the most events, ties by the smaller id.

    Args:
        sequences: all users' events; only those before each user's split are counted.
        recent: number of events that count, the last ones of all users up to the time of a user's
            split; None for all events before the splits.
    """

    def __init__(self, sequences: Sequences, recent: int | None = None) -> None:
        before = sequences.split != TEST
        order = np.argsort(sequences.time[before], kind="stable")
        self._items = sequences.items
        self._rows = sequences.item[before][order]
        self._times = sequences.time[before][order]
        self._recent = recent

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        scores = torch.from_numpy(self.counts(block.times))
        history = history_rows(self._items, block)
        return best_of(scores, self._items, history, k, repeat_consumed)

    def counts(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The number of events of each item for splits at `times` [n], float32 [n, items]."""
        size = len(self._items)
        if self._recent is None:
            every = np.bincount(self._rows, minlength=size).astype(np.float32)
            return np.repeat(every[None], len(times), axis=0)
        ends = np.searchsorted(self._times, times, side="right")
        windows = (self._rows[max(0, end - self._recent) : end] for end in ends)
        return np.stack([np.bincount(rows, minlength=size) for rows in windows]).astype(np.float32)


class OwnRecent:
    """The user's own items, the last one first, then popular items.

    Without repeats it equals the popular ranker.

    Args:
        popular: ranks the items that fill the lists.
        sequences: all users' events.
    """

    def __init__(self, sequences: Sequences, popular: Popular) -> None:
        self._items = sequences.items
        self._popular = popular

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        history = history_rows(self._items, block)
        scores = self._popular.counts(block.times)
        if repeat_consumed:
            # Above every count, and higher the later; the last of an item's places counts.
            base = scores.max() + 1.0
            wide = np.concatenate([scores, np.zeros((len(scores), 1), np.float32)], axis=1)
            for place in range(history.shape[1]):
                np.put_along_axis(wide, history[:, place : place + 1], base + place, axis=1)
            scores = np.ascontiguousarray(wide[:, :-1])
        return best_of(torch.from_numpy(scores), self._items, history, k, repeat_consumed)

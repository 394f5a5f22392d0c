"""From scores over the catalogue to lists, for the score-based baselines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.models.ids import IdMap
from training.evaluation.queries import Block
from transforms.messages.ranked_lists import RankedLists


def history_rows(items: IdMap, block: Block) -> npt.NDArray[np.int64]:
    """The item rows of a block's histories, int64 [n, h], padded with `items.unknown`."""
    rows = items.rows(block.histories)
    rows[np.arange(rows.shape[1]) >= block.lengths[:, None]] = items.unknown
    return rows


def best_of(
    scores: Tensor, items: IdMap, history: npt.NDArray[np.int64], k: int, repeat_consumed: bool
) -> RankedLists:
    """The k items with the largest scores, ties by the smaller row.

    Args:
        scores: float [n, items]; -inf excludes an item. It is changed.
        items: the catalogue.
        history: int64 [n, h], as of `history_rows`.
        k: length of the lists.
        repeat_consumed: whether lists may hold items of the history.
    """
    if not repeat_consumed:
        spare = torch.nn.functional.pad(scores, (0, 1), value=-torch.inf)
        scores = spare.scatter_(1, torch.from_numpy(history), -torch.inf)[:, :-1]
    k = min(k, len(items))
    # A stable sort keeps equal scores in the order of their rows. Excluding what is below the k-th
    # score first makes it cheap.
    cut = scores.topk(k, dim=1).values[:, -1:]
    if k < len(items):
        scores = scores.masked_fill(scores < cut, -torch.inf)
    values, rows = scores.sort(dim=1, descending=True, stable=True)
    length = (values[:, :k] > -torch.inf).sum(dim=1)
    return RankedLists.deterministic(items.ids[rows[:, :k].numpy()], length.numpy())

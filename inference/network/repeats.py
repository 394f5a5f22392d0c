"""Repeat scores: what a policy adds to the scores of items that the user had recently.

An inner product of embeddings cannot express that an item occurred a moment ago. A policy may
therefore learn one weight per place of its window, and one for each further occurrence: with r the
last place that holds item a, counted from the end of the window, and n the number of places
that hold it,

    score(a | s) = q(s) . v_a + w_r + (n - 1) u.

Where users return to items the weights are positive; where they do not the weights are negative,
and the embeddings need not model either.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from inference.search.item_index import ItemIndex
from inference.search.quantize import quantization_scale, quantize_items, quantize_queries

_MOST = float(1 << 50)
"""Repeat scores are clipped to this many quantization steps: a float64 holds the sums exactly."""


class RepeatScores(NamedTuple):
    """What is added to the scores of a row's own items.

    Attributes:
        items: int64 [n, w], rows of the item table.
        bonus: float [n, w], what each place adds to its item's score; 0 beyond a row's length.
    """

    items: Tensor
    bonus: Tensor

    def totals(self) -> Tensor:
        """For each place, the sum over all places that hold the same item: float [n, w]."""
        same = self.items[:, :, None] == self.items[:, None, :]
        return (same * self.bonus[:, None, :]).sum(dim=2)

    def of(self, actions: Tensor) -> Tensor:
        """What is added to the scores of items int64 [n, k]: float [n, k]."""
        return ((actions[:, :, None] == self.items[:, None, :]) * self.bonus[:, None, :]).sum(dim=2)

    def firsts(self, unknown: int) -> Tensor:
        """Which places hold a known item that no earlier place holds: bool [n, w]."""
        same = self.items[:, :, None] == self.items[:, None, :]
        return ~same.tril(-1).any(dim=2) & (self.items != unknown)


class RepeatWeights(nn.Module):
    """The weights w_r and u; r = 0 is the last place of the window.

    Args:
        window: number of places.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(window))
        self.again = nn.Parameter(torch.zeros(()))

    def forward(self, items: Tensor, lengths: Tensor) -> RepeatScores:
        """The scores of rows int64 [n, w] of `lengths` [n], the arguments of `StateEncoder`."""
        place = lengths[:, None] - 1 - torch.arange(items.shape[1], device=items.device)
        return self.at(items, place)

    def at(self, items: Tensor, place: Tensor) -> RepeatScores:
        """The scores of items [n, w] at places [n, w] from the end; a negative place is none."""
        # An embedding's gradient has one order of summation, an index's that of the threads.
        own = embedding(place.clamp_min(0), self.weights[:, None]).squeeze(2)
        bonus = torch.where(last_places(items, place), own, self.again)
        return RepeatScores(items, bonus.masked_fill(place < 0, 0.0))


def last_places(items: Tensor, place: Tensor) -> Tensor:
    """Whether no place nearer to the end holds the same item: bool [n, w]."""
    nearer = (place[:, None, :] < place[:, :, None]) & (place[:, None, :] >= 0)
    return ~((items[:, :, None] == items[:, None, :]) & nearer).any(dim=2)


class InferenceRepeats:
    """Ranks with repeat scores, as exactly as `ItemIndex.best` and with the same ties.

    Args:
        weights: the learnt weights.
        vectors: float [m + 1, d], the items' vectors.
        index: the same vectors, quantized.
    """

    def __init__(self, weights: RepeatWeights, vectors: Tensor, index: ItemIndex) -> None:
        self._index = index
        self._quantized = quantize_items(vectors)
        self._scale = quantization_scale(vectors)
        self._weights = copy.deepcopy(weights).double()

    def best(
        self,
        queries: Tensor,
        k: int,
        items: Tensor,
        lengths: Tensor,
        excluded: Tensor | None = None,
        hidden: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The k items with the largest scores.

        Args:
            queries: float64 [n, d], the output of the head.
            k: length of the lists.
            items: int64 [n, w], rows of the item table, the latest item first.
            lengths: int64 [n], how many of them are valid.
            excluded: int64 [n, e], rows not to return, m for none; None for no exclusions.
            hidden: bool [m], rows not to return for any query; None for no such rows.

        Returns:
            int64 [n, k], rows of the item table, m where a list has no more items; and their
            scores, float64 [n, k], in units of the quantized ones.
        """
        place = torch.arange(items.shape[1], device=items.device).expand_as(items)
        place = place.masked_fill(place >= lengths[:, None], -1)
        own, bonus = self._weights.at(items.masked_fill(place < 0, self._index.rows), place)
        scores = RepeatScores(own, bonus * self._scale * quantization_scale(queries, each=True))
        return best_with_repeats(
            self._index, self._quantized, quantize_queries(queries), k, scores, excluded, hidden
        )


def best_with_repeats(
    index: ItemIndex,
    quantized: Tensor,
    queries: Tensor,
    k: int,
    repeats: RepeatScores,
    excluded: Tensor | None = None,
    hidden: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """As `ItemIndex.best`, with repeat scores added, and with the scores.

    Args:
        index: over the quantized items.
        quantized: float32 [m + 1, d], the same items.
        queries: float32 [n, d], quantized.
        k: length of the lists.
        repeats: with bonuses in units of the quantized scores.
        excluded: int64 [n, e], rows not to return, m for none; None for no exclusions.
        hidden: bool [m], rows not to return for any query; None for no such rows.
    """
    m = index.rows
    # Items outside the window have no repeat score: the index finds the best of these. The few
    # items of the window are scored one by one.
    own = repeats.items
    others = index.best(
        queries, k, own if excluded is None else torch.cat([own, excluded], dim=1), hidden
    )
    rows = torch.cat([others, own], dim=1)
    scores = torch.bmm(quantized[rows], queries[:, :, None]).squeeze(2).double()
    scores[:, k:] += repeats.totals().clamp(-_MOST, _MOST).round()
    allowed = repeats.firsts(m)
    if excluded is not None:
        allowed &= ~(own[:, :, None] == excluded[:, None, :]).any(dim=2)
    if hidden is not None:
        # The last row, of unknown items, is in no list.
        allowed &= ~torch.cat([hidden, hidden.new_ones(1)])[own]
    valid = torch.cat([others != m, allowed], dim=1)
    scores.masked_fill_(~valid, -torch.inf)
    # Sorted by row first: the stable sort by score then gives ties to the smaller row.
    rows, order = rows.sort(dim=1)
    scores, best = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    return rows.gather(1, best).masked_fill_(scores == -torch.inf, m)[:, :k], scores[:, :k]

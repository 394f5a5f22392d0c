"""The log-probability of an action under a softmax over all items, or a sampled softmax."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.network.repeats import RepeatScores
from training.algorithms.learner import rows_of


class ItemSampler:
    """Draws the items of a sampled softmax, shared by the rows of a batch.

    The proposal is q_j ~ (n_j + 1)^0.75 with n_j the item's number of actions.

    Args:
        actions: int64 [n], the actions to count.
        items: number of items.
        samples: number of draws; 0 for the full softmax.
        device: device of the draws.
    """

    def __init__(
        self, actions: npt.NDArray[np.int64], items: int, samples: int, device: torch.device
    ) -> None:
        counts = np.bincount(actions, minlength=items)[:items]
        proposal = (counts + 1.0) ** 0.75
        self.samples = samples
        self._log_q = torch.from_numpy(np.log(proposal / proposal.sum())).float().to(device)
        self._cumulative = torch.from_numpy(np.cumsum(proposal / proposal.sum())).to(device)

    def draw(self) -> tuple[Tensor, Tensor] | None:
        """Draws items; None for the full softmax.

        Returns:
            The different items among the draws, int64 [s], rising, and the log of the expected
            over the actual number of draws of each, [s].
        """
        if not self.samples:
            return None
        at = torch.rand(self.samples, dtype=torch.float64, device=self._cumulative.device)
        drawn = torch.searchsorted(self._cumulative, at).clamp_max(len(self._log_q) - 1)
        items, times = drawn.unique(return_counts=True)  # type: ignore[no-untyped-call]
        return items, self._log_q[items] + float(np.log(self.samples)) - times.log()


def log_probabilities(
    queries: Tensor,
    vectors: Tensor,
    actions: Tensor,
    drawn: tuple[Tensor, Tensor] | None = None,
    repeats: RepeatScores | None = None,
) -> Tensor:
    """Log softmax_a(l_a) of the actions, of their shape, with l_a = q . v_a + the repeats' bonus.

    With a sample of S items from a proposal q, an unbiased estimate of the sum over all items is
    exp(l_a) + sum over h of exp(l_h) + sum over drawn j of exp(l_j) / (S q_j), where h are the
    repeats' items except a, and j the drawn items except a and h.

    Args:
        queries: [n, d].
        vectors: [items + 1, d]; the last one, of the unknown item, is left out.
        actions: int64 [n] or [n, k]. The result for the unknown item is arbitrary.
        drawn: what `ItemSampler.draw` returned; None for the full softmax.
        repeats: bonuses that are added to the scores; None for none.
    """
    places = actions[:, None] if actions.ndim == 1 else actions
    if drawn is None:
        return _picked(log_softmax(queries, vectors, None, repeats), actions)
    items, log_expected = drawn
    own = torch.einsum("nd,nkd->nk", queries, rows_of(vectors, places))
    # The last column takes the writes for items that were not drawn.
    others = torch.nn.functional.pad(queries @ rows_of(vectors, items).T - log_expected, (0, 1))
    others[:, -1] = -torch.inf
    if repeats is not None:
        own = own + repeats.of(places)
        of_repeats = torch.einsum("nd,nwd->nw", queries, rows_of(vectors, repeats.items))
        of_repeats = of_repeats + repeats.totals()
        of_repeats = of_repeats.masked_fill(~repeats.firsts(len(vectors) - 1), -torch.inf)
        others = others.scatter(1, _columns(items, repeats.items), -torch.inf)
    terms = [own[:, :, None], _without(others, _columns(items, places))]
    if repeats is not None:
        same = repeats.items[:, None] == places[:, :, None]
        terms.append(of_repeats[:, None].masked_fill(same, -torch.inf))
    found = own - torch.cat(terms, dim=2).logsumexp(dim=2)
    return found.view(actions.shape)


def log_softmax(
    queries: Tensor,
    vectors: Tensor,
    drawn: tuple[Tensor, Tensor] | None = None,
    repeats: RepeatScores | None = None,
) -> Tensor:
    """Log softmax of all items [n, items], or of the drawn ones [n, drawn].

    Of drawn items the sum over all is estimated by these alone, as the sum of exp(l_j) / (S q_j).
    The arguments are those of `log_probabilities`.
    """
    if drawn is None:
        logits = queries @ vectors.T
        if repeats is not None:
            logits = logits.scatter_add(1, repeats.items, repeats.bonus)
        return logits[:, :-1].log_softmax(dim=1)
    items, log_expected = drawn
    logits = queries @ rows_of(vectors, items).T
    if repeats is not None:
        logits = logits + repeats.of(items.expand(len(logits), -1))
    return logits - (logits - log_expected).logsumexp(dim=1, keepdim=True)


def log_probabilities_and_all(
    queries: Tensor,
    vectors: Tensor,
    actions: Tensor,
    drawn: tuple[Tensor, Tensor] | None = None,
    repeats: RepeatScores | None = None,
) -> tuple[Tensor, Tensor]:
    """`log_probabilities` and `log_softmax` of the same arguments; one softmax where it is full."""
    everywhere = log_softmax(queries, vectors, drawn, repeats)
    if drawn is None:
        return _picked(everywhere, actions), everywhere
    return log_probabilities(queries, vectors, actions, drawn, repeats), everywhere


def _picked(everywhere: Tensor, actions: Tensor) -> Tensor:
    """The actions' part of the log softmax [n, items], of their shape."""
    places = actions[:, None] if actions.ndim == 1 else actions
    known = places.clamp_max(everywhere.shape[1] - 1)
    return everywhere.gather(1, known).view(actions.shape)


def _columns(items: Tensor, rows: Tensor) -> Tensor:
    """The position of each of `rows` (any shape) in the rising `items` [s]; s if not there."""
    at = torch.searchsorted(items, rows)
    return torch.where(items[at.clamp_max(len(items) - 1)] == rows, at, len(items))


def _without(scores: Tensor, columns: Tensor) -> Tensor:
    """The scores [n, s] once for each of k columns [n, k], without that column: [n, k, s]."""
    each = scores[:, None].expand(-1, columns.shape[1], -1)
    return each.scatter(2, columns[:, :, None], -torch.inf)

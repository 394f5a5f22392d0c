"""The log-probability of an action under a softmax over all items, or over a sample of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class ItemSampler:
    """Draws items for a sampled softmax, shared by the rows of a batch.

    The proposal is q_j ~ (n_j + 1)^0.75 with n_j the item's number of actions.

    Args:
        actions: int64 [n], the actions to count.
        items: number of items.
        samples: how many to draw; 0 for none, that is the full softmax.
        device: where the draws are wanted.
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
        """Items int64 [samples] and log(samples q_j) of each; None for the full softmax."""
        if not self.samples:
            return None
        at = torch.rand(self.samples, dtype=torch.float64, device=self._cumulative.device)
        drawn = torch.searchsorted(self._cumulative, at).clamp_max(len(self._log_q) - 1)
        return drawn, self._log_q[drawn] + float(np.log(self.samples))


def log_probabilities(
    queries: Tensor, vectors: Tensor, actions: Tensor, drawn: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Log softmax_a(q . v_a) of the actions, [n].

    With a sample of S items from a proposal q the sum over all items is estimated, without
    bias, by exp(l_a) + sum over drawn j != a of exp(l_j) / (S q_j).

    Args:
        queries: [n, d].
        vectors: [items + 1, d]; the last one, of the unknown item, takes no part.
        actions: int64 [n], in [0, items).
        drawn: what `ItemSampler.draw` gave; None for the full softmax.
    """
    if drawn is None:
        logits = queries @ vectors[:-1].T
        return logits.log_softmax(dim=1).gather(1, actions[:, None]).squeeze(1)
    items, log_expected = drawn
    own = (queries * vectors[actions]).sum(dim=1)
    others = queries @ vectors[items].T - log_expected
    others = others.masked_fill(items == actions[:, None], -torch.inf)
    return own - torch.cat([own[:, None], others], dim=1).logsumexp(dim=1)

"""The built-in window encoders for inference: float64, with constant products computed once."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from inference.network.window_encoders import Attention, Recurrent


def _double(values: Tensor) -> Tensor:
    return values.detach().double().contiguous()


class _LayerNorm:
    def __init__(self, norm: torch.nn.LayerNorm) -> None:
        self._shape, self._eps = norm.normalized_shape, norm.eps
        self._weight, self._bias = _double(norm.weight), _double(norm.bias)

    def __call__(self, x: Tensor) -> Tensor:
        return layer_norm(x, self._shape, self._weight, self._bias, self._eps)


class FastAttention:
    """`Attention`, without forming x_r = e_r + p_r.

    The logits are e_0' Q e_r + e_0' Q p_r + p_0' Q e_r + p_0' Q p_r. With q = Q'(e_0 + p_0), which
    takes one product with e_0, they are q' e_r + q' p_r. Likewise
    O sum_r w_r x_r = O sum_r w_r e_r + sum_r w_r O p_r. All products of Q, O and p are constant.

    Args:
        encoder: the trained window encoder.
    """

    def __init__(self, encoder: Attention) -> None:
        dim = encoder.places.shape[1]
        heads = encoder.HEADS
        self._heads = heads
        places = _double(encoder.places)
        query = _double(encoder.query.weight) / math.sqrt(dim)
        out = _double(encoder.out.weight)
        by_place = [places @ head for head in query.view(heads, dim, dim)]
        self._query = torch.cat([query, *by_place])
        self._query_bias = self._query @ places[0]
        self._out = out
        self._out_places = torch.cat(
            [places @ head.T for head in out.view(dim, heads, dim).unbind(1)]
        )
        self._out_bias = _double(encoder.out.bias) + places[0]
        self._wide, self._wide_bias = _double(encoder.wide.weight), _double(encoder.wide.bias)
        self._narrow = _double(encoder.narrow.weight)
        self._narrow_bias = _double(encoder.narrow.bias)
        self._norm_in, self._norm_out = _LayerNorm(encoder.norm_in), _LayerNorm(encoder.norm_out)

    def __call__(self, items: Tensor, beyond: Tensor) -> Tensor:
        """Vectors [n, d] of windows [n, w, d], latest item first; `beyond` bool [n, w]."""
        n, width, dim = items.shape
        last = items[:, 0]
        query = linear(last, self._query, self._query_bias)
        by_place = query[:, self._heads * dim :].view(n, self._heads, -1)[:, :, :width]
        query = query[:, : self._heads * dim].reshape(n, self._heads, dim)
        logits = torch.bmm(query, items.transpose(1, 2))
        logits += by_place
        logits.masked_fill_(beyond[:, None], -torch.inf)
        # softmax's own kernel is slow for rows as short as these.
        weights = (logits - logits.amax(dim=2, keepdim=True)).exp_()
        weights /= weights.sum(dim=2, keepdim=True)
        read = torch.bmm(weights, items).view(n, -1)
        h = linear(read, self._out, self._out_bias)
        places = self._out_places.view(self._heads, -1, dim)[:, :width].reshape(-1, dim)
        h.addmm_(weights.view(n, -1), places)
        h += last
        h = self._norm_in(h)
        h.addmm_(linear(h, self._wide, self._wide_bias).relu_(), self._narrow.T)
        h += self._narrow_bias
        return self._norm_out(h)


class FastRecurrent:
    """`Recurrent`, over windows with the latest item first.

    One product of [x, h] gives the sums for the reset and update gates and, separately, the two
    parts of the new state. tanh x is computed as 2 sigmoid(2 x) - 1, which is faster.

    Args:
        encoder: the trained window encoder.
    """

    def __init__(self, encoder: Recurrent) -> None:
        gru = encoder.gru
        of_input, of_hidden, bias, bias_hidden = map(_double, gru.all_weights[0])
        dim = of_input.shape[1]
        gates, new = slice(0, 2 * dim), slice(2 * dim, 3 * dim)
        nothing = torch.zeros_like(of_input[new])
        self._weight = torch.cat(
            [
                torch.cat([of_input[gates], of_hidden[gates]], dim=1),
                torch.cat([of_input[new], nothing], dim=1),
                torch.cat([nothing, of_hidden[new]], dim=1),
            ]
        )
        self._bias = torch.cat([bias[gates] + bias_hidden[gates], bias[new], bias_hidden[new]])
        self._norm_out = _LayerNorm(encoder.norm_out)

    def __call__(self, items: Tensor, beyond: Tensor) -> Tensor:
        """Vectors [n, d] of windows [n, w, d], latest item first; `beyond` bool [n, w]."""
        n, width, dim = items.shape
        both = items.new_zeros((n, 2 * dim))
        hidden = both[:, dim:]
        for place in range(width - 1, -1, -1):
            both[:, :dim] = items[:, place]
            product = linear(both, self._weight, self._bias)
            gates = product[:, : 2 * dim].sigmoid()
            reset, update = gates[:, :dim], gates[:, dim:]
            new = torch.addcmul(product[:, 2 * dim : 3 * dim], reset, product[:, 3 * dim :])
            new.mul_(2).sigmoid_().mul_(2).sub_(1)
            # An update gate of 1 keeps the zero state of a row whose first item is yet to come.
            hidden.lerp_(new, 1 - update.masked_fill_(beyond[:, place, None], 1))
        return self._norm_out(hidden)

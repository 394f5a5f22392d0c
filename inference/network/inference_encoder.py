"""The state encoder for inference: the same states as the training encoder, many times faster.

The training encoder is `inference.network.encoder`. All is float64 (`inference.policy` says why),
in blocks that stay in the processor's cache, without dropout. What depends on the places of a
window alone is computed beforehand.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from inference.network.encoder import Attention, Recurrent, StateEncoder

_BLOCK = 256
_BLOCK_ON_DEVICE = 1 << 15


def _fixed(values: Tensor) -> Tensor:
    return values.detach().double().contiguous()


class _Norm:
    def __init__(self, norm: torch.nn.LayerNorm) -> None:
        self._shape, self._eps = norm.normalized_shape, norm.eps
        self._weight, self._bias = _fixed(norm.weight), _fixed(norm.bias)

    def __call__(self, x: Tensor) -> Tensor:
        return layer_norm(x, self._shape, self._weight, self._bias, self._eps)


class _ServedAttention:
    """`Attention`, with x_r = e_r + p_r taken apart.

    The logits are e_0' Q e_r + e_0' Q p_r + p_0' Q e_r + p_0' Q p_r: with q = Q'(e_0 + p_0), which
    is one product with e_0, they are q' e_r and q' p_r. In the same way
    O sum_r w_r x_r = O sum_r w_r e_r + sum_r w_r O p_r. So no x_r is ever made.
    """

    def __init__(self, reader: Attention) -> None:
        dim = reader.places.shape[1]
        heads = reader.HEADS
        self._heads = heads
        places = _fixed(reader.places)
        query = _fixed(reader.query.weight) / math.sqrt(dim)
        out = _fixed(reader.out.weight)
        by_place = [places @ head for head in query.view(heads, dim, dim)]
        self._query = torch.cat([query, *by_place])
        self._query_bias = self._query @ places[0]
        self._out = out
        self._out_places = torch.cat(
            [places @ head.T for head in out.view(dim, heads, dim).unbind(1)]
        )
        self._out_bias = _fixed(reader.out.bias) + places[0]
        self._wide, self._wide_bias = _fixed(reader.wide.weight), _fixed(reader.wide.bias)
        self._narrow, self._narrow_bias = _fixed(reader.narrow.weight), _fixed(reader.narrow.bias)
        self._norm_in, self._norm_out = _Norm(reader.norm_in), _Norm(reader.norm_out)

    def __call__(self, items: Tensor, beyond: Tensor) -> Tensor:
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


class _ServedRecurrent:
    """`Recurrent`, from the end of the window: before a row's first item nothing happens.

    One product of [x, h] gives the sums of the reset and update gates and, apart from each
    other, the two parts of the new state; tanh x = 2 sigmoid(2 x) - 1 is the faster way to it.
    """

    def __init__(self, reader: Recurrent) -> None:
        gru = reader.gru
        of_input, of_hidden, bias, bias_hidden = map(_fixed, gru.all_weights[0])
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
        self._norm_out = _Norm(reader.norm_out)

    def __call__(self, items: Tensor, beyond: Tensor) -> Tensor:
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
            # A weight of 1 leaves the state of a row that has not begun as it is.
            hidden.lerp_(new, 1 - update.masked_fill_(beyond[:, place, None], 1))
        return self._norm_out(hidden)


class InferenceEncoder:
    """States as `StateEncoder` gives them, float64, from windows told from their end.

    Args:
        encoder: a trained encoder, on the device where this is to run.
    """

    def __init__(self, encoder: StateEncoder) -> None:
        self.sizes = encoder.sizes
        # Single precision, as trained: half the memory, and a float64 holds each exactly.
        self._items = encoder.items.weight.detach()
        self._users = encoder.users.weight.detach()
        reader = encoder.reader
        self._read = (
            _ServedAttention(reader) if isinstance(reader, Attention) else _ServedRecurrent(reader)  # type: ignore[arg-type]
        )

    def __call__(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """States of rows.

        Args:
            items: int64 [n, w], rows of the item table, the latest first; 1 <= w <= the window.
                What lies beyond a row's length must be a row of the table too, but is not
                looked at.
            lengths: int64 [n] in [1, w].
            users: int64 [n], rows of the user table.

        Returns:
            float64 [n, state].
        """
        n, width = items.shape
        dim = self.sizes.item_dim
        device = self._items.device
        states = torch.empty((n, self.sizes.state), dtype=torch.float64, device=device)
        beyond = torch.arange(width, device=device) >= lengths[:, None]
        block = _BLOCK if device.type == "cpu" else _BLOCK_ON_DEVICE
        single = torch.empty((min(block, n) * width, dim), device=device)
        double = torch.empty_like(single, dtype=torch.float64)
        for start in range(0, n, block):
            part = slice(start, start + block)
            rows = items[part].flatten()
            torch.index_select(self._items, 0, rows, out=single[: len(rows)])
            embedded = double[: len(rows)].copy_(single[: len(rows)])
            states[part, :dim] = self._read(embedded.view(-1, width, dim), beyond[part])
            states[part, dim:] = self._users[users[part]]
        return states

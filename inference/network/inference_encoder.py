"""The state encoder for inference: the states of `StateEncoder`, in float64.

`inference.policy` explains the float64. Rows are encoded in blocks that fit the processor's cache,
without dropout. The built-in window encoders have faster versions
(`inference.network.fast_encoders`); a registered one runs as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from inference.network.encoder import StateEncoder
from inference.network.fast_encoders import FastAttention, FastRecurrent
from inference.network.window_encoders import Attention, Recurrent

_BLOCK = 256
_BLOCK_ON_DEVICE = 1 << 15

WindowEncoder = Callable[[Tensor, Tensor], Tensor]
"""Takes embedded windows float64 [n, w, d], the latest item first, and a mask bool [n, w] of the
places beyond a row's length."""


def _window_encoder(encoder: nn.Module) -> WindowEncoder:
    if isinstance(encoder, Attention):
        return FastAttention(encoder)
    if isinstance(encoder, Recurrent):
        return FastRecurrent(encoder)
    return _OldestFirst(encoder)


class _OldestFirst:
    """A window encoder as it was trained: turns the windows around."""

    def __init__(self, encoder: nn.Module) -> None:
        self._encoder = copy.deepcopy(encoder).double().eval()

    def __call__(self, items: Tensor, beyond: Tensor) -> Tensor:
        n, width, dim = items.shape
        lengths = (~beyond).sum(dim=1)
        place = (lengths[:, None] - 1 - torch.arange(width, device=items.device)).clamp_min(0)
        turned = items.gather(1, place[:, :, None].expand(n, width, dim))
        return self._encoder(turned, lengths)  # type: ignore[no-any-return]


class InferenceEncoder:
    """States as `StateEncoder` computes them, float64, from windows with the latest item first.

    Args:
        encoder: a trained encoder, on the device where this runs.
    """

    def __init__(self, encoder: StateEncoder) -> None:
        self.sizes = encoder.sizes
        # The tables stay in single precision: half the memory, and a float64 holds each value.
        self._items = encoder.items.weight.detach()
        self._users = encoder.users.weight.detach()
        self._encode = _window_encoder(encoder.reader)

    def __call__(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """States of rows.

        Args:
            items: int64 [n, w], rows of the item table, the latest first; 1 <= w <= the window.
                Values beyond a row's length must be rows of the table, but are ignored.
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
            states[part, :dim] = self._encode(embedded.view(-1, width, dim), beyond[part])
            states[part, dim:] = self._users[users[part]]
        return states

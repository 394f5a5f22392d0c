"""A trained policy that ranks: raw ids in, raw ids out, the same answer in any batch."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from inference.ids import IdMap
from inference.info import ModelInfo
from inference.network import Network
from inference.topk import best_items, items_on_grid, queries_on_grid

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Columns = Tensor | npt.NDArray[np.generic]

_ROWS_PER_BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Lists of items, one per row.

    Attributes:
        items: int64 [n, k], raw ids, best first, 0 after the last one.
        counts: int64 [n], how many items each list has.
        propensities: float32 [n, k], the probability with which the policy showed each item:
            1.0 for a deterministic policy, 0 after the last one.
    """

    items: Int64s
    counts: Int64s
    propensities: Float32s


def _int64s(values: Columns) -> Int64s:
    return np.asarray(values, np.int64)


class Policy(nn.Module):
    """A network with the ids it was trained on.

    The encoder runs in float64 and its query is rounded to a grid (`inference.topk`): what is
    left of a batch's size, its order or the machine is a hundred thousand times smaller than a
    step of the grid, and from there on all is exact.

    Args:
        network: the trained network; it is copied.
        items: the item table's ids.
        users: the user table's ids.
        info: what the model is.
        device: where to run.
    """

    def __init__(
        self,
        network: Network,
        items: IdMap,
        users: IdMap,
        info: ModelInfo,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.info = info
        self.item_ids = items
        self.user_ids = users
        grid = items_on_grid(network.vectors().detach())
        self.network = copy.deepcopy(network).double().eval().requires_grad_(False).to(device)
        self.grid: Tensor
        self.register_buffer("grid", grid.to(device), persistent=False)
        # The last row is the unknown item; no list shows it, and 0 fills a list that is short.
        self._raw = np.append(items.ids, 0)

    @torch.inference_mode()
    def rank(
        self,
        users: Columns,
        histories: Columns,
        lengths: Columns,
        k: int,
        repeat_consumed: bool = False,
    ) -> Ranking:
        """The k best items of each row.

        Args:
            users: int64 [n], raw ids.
            histories: int64 [n, h], raw ids of items, the oldest first, left-aligned; what lies
                beyond a row's length is not looked at.
            lengths: int64 [n], in [0, h].
            k: length of the lists.
            repeat_consumed: whether a list may have items of the row's history.

        Returns:
            Lists without unknown items, none twice.
        """
        states, seen = self._encode(users, histories, lengths)
        return self._rank(states, k, None if repeat_consumed else seen)

    @torch.inference_mode()
    def states(self, users: Columns, histories: Columns, lengths: Columns) -> Tensor:
        """The state of each row, float64 [n, state]; arguments as of `rank`."""
        return self._encode(users, histories, lengths)[0]

    @torch.inference_mode()
    def rank_states(self, states: Columns, k: int, consumed: Columns | None = None) -> Ranking:
        """The k best items for states [n, state], without the raw ids in `consumed` [n, e]."""
        given = torch.as_tensor(states).to(self.grid.device, torch.float64)
        seen = None if consumed is None else self._rows(_int64s(consumed))
        return self._rank(given, k, seen)

    def _rows(self, raw: Int64s) -> Tensor:
        return torch.from_numpy(self.item_ids.rows(raw)).to(self.grid.device)

    def _encode(
        self, users: Columns, histories: Columns, lengths: Columns
    ) -> tuple[Tensor, Tensor]:
        raw, length = _int64s(histories), _int64s(lengths)
        n, height = raw.shape
        rows = self.item_ids.rows(raw)
        rows[np.arange(height) >= length[:, None]] = self.item_ids.unknown
        seen = torch.from_numpy(rows).to(self.grid.device)
        window = self.network.sizes.window
        if height > window:
            first = np.maximum(length - window, 0)
            rows = np.take_along_axis(rows, first[:, None] + np.arange(window), axis=1)
            length = np.minimum(length, window)
        given = (
            torch.from_numpy(rows),
            torch.from_numpy(length),
            torch.from_numpy(self.user_ids.rows(_int64s(users))),
        )
        states = torch.empty((n, self.network.sizes.state), dtype=torch.float64)
        states = states.to(self.grid.device)
        for start in range(0, n, _ROWS_PER_BLOCK):
            block = slice(start, start + _ROWS_PER_BLOCK)
            part = (column[block].to(self.grid.device) for column in given)
            states[block] = self.network.encoder(*part)
        return states, seen

    def _rank(self, states: Tensor, k: int, consumed: Tensor | None) -> Ranking:
        queries = torch.empty((len(states), self.grid.shape[1]), device=self.grid.device)
        for start in range(0, len(states), _ROWS_PER_BLOCK):
            block = slice(start, start + _ROWS_PER_BLOCK)
            queries[block] = queries_on_grid(self.network.head(states[block]))
        best, counts = best_items(queries, self.grid, k, consumed)
        rows = best.cpu().numpy()
        return Ranking(
            items=self._raw[rows],
            counts=counts.cpu().numpy(),
            propensities=(rows != self.item_ids.unknown).astype(np.float32),
        )

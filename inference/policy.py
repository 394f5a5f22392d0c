"""A trained policy that ranks: raw ids in, raw ids out, the same answer in any batch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.inference_encoder import InferenceEncoder
from inference.network.network import Network
from inference.network.repeats import InferenceRepeats
from inference.search.item_index import ItemIndex
from inference.search.quantize import quantize_items, quantize_queries
from inference.search.threads import in_parts, one_thread
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]
Columns = Tensor | npt.NDArray[np.generic]

_ROWS_AT_ONCE = 2048


def _int64s(values: Columns) -> Int64s:
    return np.asarray(values, np.int64)


class Policy(nn.Module):
    """A network with the ids it was trained on.

    The encoder and the head run in float64 and their query is rounded to a grid
    (`inference.search.quantize`): what is left of a batch's size, its order or the machine is a
    hundred
    thousand times smaller than a step of the grid, and from there on all is exact.

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
        self.network = copy.deepcopy(network).eval().requires_grad_(False).to(device)
        self._device = torch.device(device)
        # One by one: see inference.search.threads.
        with one_thread():
            self._encoder = InferenceEncoder(self.network.encoder)
            self._head = copy.deepcopy(self.network.head).double()
            vectors, copy_weights = self.network.vectors(), self.network.repeats
            self._catalogue = ItemIndex(quantize_items(vectors))
            self._copies = None
            if copy_weights is not None:
                self._copies = InferenceRepeats(copy_weights, vectors, self._catalogue)
        # The last row is the unknown item; no list shows it, and 0 fills a list that is short.
        self._raw = np.append(items.ids, 0)

    def rank(
        self,
        users: Columns,
        histories: Columns,
        lengths: Columns,
        k: int,
        repeat_consumed: bool = False,
    ) -> RankedLists:
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
        user, raw, length = _int64s(users), _int64s(histories), _int64s(lengths)

        def best(part: slice) -> Tensor:
            rows = self._known(raw[part], length[part])
            window, lengths = self._window(rows, length[part])
            states = self._states(user[part], window, lengths)
            if repeat_consumed and self._copies is not None:
                return self._copies.best(self._head(states), k, window, lengths)
            return self._best(states, k, None if repeat_consumed else rows)

        return self._ranking(best, len(user), k)

    def states(self, users: Columns, histories: Columns, lengths: Columns) -> Tensor:
        """The state of each row, float64 [n, state]; arguments as of `rank`."""
        user, raw, length = _int64s(users), _int64s(histories), _int64s(lengths)
        states = torch.empty((len(user), self.network.sizes.state), dtype=torch.float64)

        def work(part: slice) -> None:
            window = self._window(self._known(raw[part], length[part]), length[part])
            states[part] = self._states(user[part], *window).cpu()

        self._in_parts(work, len(user))
        return states

    def rank_states(self, states: Columns, k: int, consumed: Columns | None = None) -> RankedLists:
        """The k best items for states [n, state], without the raw ids in `consumed` [n, e]."""
        given = torch.as_tensor(states)
        rows = None if consumed is None else self.item_ids.rows(_int64s(consumed))

        def best(part: slice) -> Tensor:
            state = given[part].to(self._device, torch.float64)
            return self._best(state, k, None if rows is None else rows[part])

        return self._ranking(best, len(given), k)

    def _known(self, raw: Int64s, length: Int64s) -> Int64s:
        rows = self.item_ids.rows(raw)
        rows[np.arange(raw.shape[1]) >= length[:, None]] = self.item_ids.unknown
        return rows

    def _window(self, rows: Int64s, length: Int64s) -> tuple[Tensor, Tensor]:
        if not rows.shape[1]:
            rows = np.full((len(rows), 1), self.item_ids.unknown)
        width = min(rows.shape[1], self.network.sizes.window)
        # The latest first; a row with no item is read as one with one unknown item.
        at = np.maximum(length[:, None] - 1 - np.arange(width), 0)
        given = np.take_along_axis(rows, at, axis=1), np.clip(length, 1, width)
        window, lengths = (torch.from_numpy(column).to(self._device) for column in given)
        return window, lengths

    def _states(self, users: Int64s, window: Tensor, lengths: Tensor) -> Tensor:
        user = torch.from_numpy(self.user_ids.rows(users)).to(self._device)
        return self._encoder(window, lengths, user)

    def _best(self, states: Tensor, k: int, excluded: Int64s | None) -> Tensor:
        queries = quantize_queries(self._head(states))
        barred = None if excluded is None else torch.from_numpy(excluded).to(self._device)
        return self._catalogue.best(queries, k, barred)

    def _ranking(self, best: Callable[[slice], Tensor], n: int, k: int) -> RankedLists:
        rows = np.empty((n, k), np.int64)

        def work(part: slice) -> None:
            rows[part] = best(part).cpu().numpy()

        self._in_parts(work, n)
        length = (rows != self.item_ids.unknown).sum(axis=1)
        return RankedLists.deterministic(self._raw[rows], length, self.info.label.encode())

    def _in_parts(self, work: Callable[[slice], None], n: int) -> None:
        if self._device.type != "cpu":
            for start in range(0, n, _ROWS_AT_ONCE):
                work(slice(start, min(start + _ROWS_AT_ONCE, n)))
            return
        # Half a millisecond's work is worth waking a thread.
        in_parts(work, n, max(8, (1 << 18) // (1024 + self._catalogue.rows)), _ROWS_AT_ONCE)

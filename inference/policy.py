"""A trained policy that ranks: raw ids in, raw ids out, with the same lists in any batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.inference_encoder import InferenceEncoder
from inference.network.network import Network
from inference.network.repeats import InferenceRepeats
from inference.network.sizes import STATE_LIMIT
from inference.search.critic_ranking import CriticRanking
from inference.search.group_ranking import GroupRanking
from inference.search.hidden_items import HiddenItems
from inference.search.item_index import ItemIndex
from inference.search.new_items import NewItemSearch
from inference.search.quantize import MAX_NORM, quantize_items, quantize_queries
from inference.search.threads import in_parts, one_thread
from transforms.columns.id_names import IdNames
from transforms.messages.exclusions import Exclusions
from transforms.messages.new_items import NewPlaces
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]
Columns = Tensor | npt.NDArray[np.generic]

_ROWS_AT_ONCE = 2048


class StateError(ValueError):
    """A state has the wrong length, or values that are not finite or too large."""


class Policy(nn.Module):
    """A network with the ids that it was trained on.

    Encoder and head run in float64, and the query is then quantized
    (`inference.search.quantize`). The rounding errors of float64, which depend on the batch and on
    the machine, are a hundred thousand times smaller than a quantization step. The search on
    quantized vectors is exact. So a row gets the same list in any batch, on any machine.

    The state is computed from the last `info.history` items of a history. All items of the history
    that is given are excluded from the list, also those before the window. Whoever keeps or
    receives longer histories passes them whole.

    Args:
        network: the trained network; it is copied.
        items: the item table's ids.
        users: the user table's ids.
        info: what is known about the model.
        device: where it runs.
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
        # On one thread: see inference.search.threads.
        with one_thread():
            self._encoder = InferenceEncoder(self.network.encoder)
            self._head = copy.deepcopy(self.network.head).double()
            vectors, weights = self.network.vectors(), self.network.repeats
            quantized = quantize_items(vectors)
            self._index = ItemIndex(quantized)
            self._new_items = NewItemSearch(quantized[:-1].cpu().numpy(), items)
            self._repeats = None
            if weights is not None:
                self._repeats = InferenceRepeats(weights, vectors, self._index)
            self._critic = None
            if (critic := self.network.critic) is not None:
                self._critic = CriticRanking(critic, vectors, network.sizes.neighbours)
        # The last row is the unknown item, which is never ranked: there it stands for no item.
        self._raw = np.append(items.ids, 0)
        self._hidden = HiddenItems(items.ids, self._device)
        self._groups = GroupRanking()

    def rank(
        self,
        users: Columns,
        histories: Columns,
        lengths: Columns,
        k: int,
        repeat_consumed: bool = False,
        exclusions: Exclusions | None = None,
        scored: bool = False,
        new: int = 0,
    ) -> RankedLists:
        """The k best items of each row.

        Args:
            users: int64 [n], raw ids.
            histories: int64 [n, h], raw ids of items, the oldest first, left-aligned; h is any
                length. Values beyond a row's length are ignored.
            lengths: int64 [n], in [0, h].
            k: length of the lists.
            repeat_consumed: whether a list may have items of the row's history.
            exclusions: items that the lists must not have; None for none.
            scored: whether to return the items' scores, too. A score is the quantized inner product
                of query and item, divided by the norm of the query and by the largest norm of an
                item: from -1 to 1, and more or less by the repeat scores where there are some. With
                a critic it is tanh(Q / 2).
            new: how many of the catalogue's new items that the model does not know to return
                beside each list (`inference.search.new_items`).

        Returns:
            Lists of different known items.
        """
        user, raw, length = _int64s(users), _int64s(histories), _int64s(lengths)
        if exclusions and exclusions.group is not None:

            def rank(at: Int64s, part: Exclusions, more: int) -> RankedLists:
                given = user[at], raw[at], length[at]
                return self.rank(*given, k + more, repeat_consumed, part, scored, new)

            # A critic chooses from candidates, and new items differ where availability does.
            shares = self._critic is None and not new
            parts = self._groups.rank(rank, k, (user, raw, length), exclusions, shares)
            return RankedLists.joined(len(user), k, parts, scored, new)
        hidden, own = None, None
        beside = NewPlaces.empty(len(user), new)
        if exclusions:
            hidden = self._hidden.by(exclusions.available)
            own = self._item_rows(exclusions.items, exclusions.length)

        def best(part: slice) -> tuple[Tensor, Tensor]:
            rows = self._item_rows(raw[part], length[part])
            window, lengths = self._window(rows, length[part])
            states = self._states(user[part], window, lengths)
            if new and exclusions and exclusions.available:
                taken = [(exclusions.items[part], exclusions.length[part])]
                taken += [] if repeat_consumed else [(raw[part], length[part])]
                queries = quantize_queries(self._head(states)).cpu().numpy()
                (available,) = exclusions.available
                beside.put(part, self._new_items.best(queries, available, new, taken))
            if repeat_consumed and self._repeats is not None:
                excluded = None if own is None else self._tensor(own[part])
                query, wanted = self._head(states), self._wanted(k)
                found = self._repeats.best(query, wanted, window, lengths, excluded, hidden)
                return self._ranked(states, found, k)
            left_out = [] if repeat_consumed else [rows]
            left_out += [] if own is None else [own[part]]
            return self._best(
                states, k, np.concatenate(left_out, axis=1) if left_out else None, hidden
            )

        lists = self._lists(best, len(user), k, scored)
        if not new:
            return lists
        found = exclusions.available[0].new if exclusions and exclusions.available else None
        texts = IdNames(None, found.names) if found and found.names is not None else None
        return replace(lists, new=beside, names=IdNames.merged([lists.names, texts]))

    def states(self, users: Columns, histories: Columns, lengths: Columns) -> Tensor:
        """The state of each row, float64 [n, state]; the arguments are those of `rank`."""
        user, raw, length = _int64s(users), _int64s(histories), _int64s(lengths)
        states = torch.empty((len(user), self.network.sizes.state), dtype=torch.float64)

        def work(part: slice) -> None:
            window = self._window(self._item_rows(raw[part], length[part]), length[part])
            states[part] = self._states(user[part], *window).cpu()

        self._in_parts(work, len(user))
        return states

    def queries(self, users: Columns, histories: Columns, lengths: Columns) -> Tensor:
        """The query of each row, float64 [n, item_dim + 1]; the arguments are those of `rank`."""
        states = self.states(users, histories, lengths).to(self._device)
        with torch.inference_mode():
            return self._head(states).cpu()  # type: ignore[no-any-return]

    def rank_states(self, states: Columns, k: int, consumed: Columns | None = None) -> RankedLists:
        """The k best items for states.

        Args:
            states: float [n, state], as `states` returns them.
            k: length of the lists.
            consumed: int64 [n, e], raw ids of items that a row's list must not have; None for none.

        Raises:
            StateError: a state has the wrong length, or a value is not finite or too large.
        """
        given = self.check_states(states)
        rows = None if consumed is None else self.item_ids.rows(_int64s(consumed))

        def best(part: slice) -> tuple[Tensor, Tensor]:
            state = given[part].to(self._device, torch.float64)
            return self._best(state, k, None if rows is None else rows[part])

        return self._lists(best, len(given), k)

    def check_states(self, states: Columns) -> Tensor:
        """States as a tensor, if this policy can rank for them.

        Raises:
            StateError: a state has the wrong length, or a value is not finite or too large.
        """
        given = torch.as_tensor(states)
        size = self.network.sizes.state
        if given.ndim != 2 or given.shape[1] != size:
            raise StateError(f"each state must have {size} numbers for {self.info.label}")
        if not (given.abs() <= STATE_LIMIT).all():  # NaN compares as false.
            raise StateError(f"the numbers of a state must be finite, at most {STATE_LIMIT:g}")
        return given

    def _item_rows(self, raw: Int64s, length: Int64s) -> Int64s:
        rows = self.item_ids.rows(raw)
        rows[np.arange(raw.shape[1]) >= length[:, None]] = self.item_ids.unknown
        return rows

    def _window(self, rows: Int64s, length: Int64s) -> tuple[Tensor, Tensor]:
        """The last items of each row, the latest first, and how many: [n, w] and [n]."""
        if not rows.shape[1]:
            rows = np.full((len(rows), 1), self.item_ids.unknown)
        width = min(rows.shape[1], self.network.sizes.window)
        # A row without items is encoded as one unknown item.
        at = np.maximum(length[:, None] - 1 - np.arange(width), 0)
        given = np.take_along_axis(rows, at, axis=1), np.clip(length, 1, width)
        window, lengths = (torch.from_numpy(column).to(self._device) for column in given)
        return window, lengths

    def _states(self, users: Int64s, window: Tensor, lengths: Tensor) -> Tensor:
        user = torch.from_numpy(self.user_ids.rows(users)).to(self._device)
        return self._encoder(window, lengths, user)

    def _best(
        self, states: Tensor, k: int, excluded: Int64s | None, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        queries = quantize_queries(self._head(states))
        rows = None if excluded is None else self._tensor(excluded)
        found = self._index.best_scored(queries, self._wanted(k), rows, hidden)
        return self._ranked(states, found, k)

    def _wanted(self, k: int) -> int:
        """How many items the search must find for lists of k items."""
        return k if self._critic is None else max(k, self._critic.neighbours)

    def _ranked(
        self, states: Tensor, found: tuple[Tensor, Tensor], k: int
    ) -> tuple[Tensor, Tensor]:
        return found if self._critic is None else self._critic.best(states, found, k)

    def _tensor(self, rows: Int64s) -> Tensor:
        return torch.from_numpy(rows).to(self._device)

    def _lists(
        self,
        best: Callable[[slice], tuple[Tensor, Tensor]],
        n: int,
        k: int,
        scored: bool = False,
    ) -> RankedLists:
        rows = np.empty((n, k), np.int64)
        scores = np.zeros((n, k)) if scored else None

        def work(part: slice) -> None:
            found, score = best(part)
            rows[part] = found.cpu().numpy()
            if scores is not None:
                scores[part] = score.cpu().numpy() / MAX_NORM**2

        self._in_parts(work, n)
        length = (rows != self.item_ids.unknown).sum(axis=1)
        lists = RankedLists.deterministic(self._raw[rows], length, self.info.label.encode(), scores)
        texts = self.item_ids.names
        if texts is None:
            return lists
        return replace(lists, names=IdNames(None, texts.only([lists.items])))

    def _in_parts(self, work: Callable[[slice], None], n: int) -> None:
        if self._device.type != "cpu":
            for start in range(0, n, _ROWS_AT_ONCE):
                work(slice(start, min(start + _ROWS_AT_ONCE, n)))
            return
        # Starting a thread pays off from half a millisecond's work on.
        in_parts(work, n, max(8, (1 << 18) // (1024 + self._index.rows)), _ROWS_AT_ONCE)


def _int64s(values: Columns) -> Int64s:
    return np.asarray(values, np.int64)

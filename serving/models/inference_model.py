"""A model that ranks on demand: the job's own policy, loaded from the same directory."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from inference.network.sizes import STATE_LIMIT
from serving.metrics import Metrics
from serving.models.batcher import Batcher, RankRequest
from serving.models.similar import SimilarLists
from serving.schemas import ID_BYTES, is_id_text
from serving.schemas.health import Model
from serving.schemas.inference import MAX_HISTORY, HistoriesInput, RankResponse, StatesInput
from transforms.columns.names import hash_texts
from transforms.messages.id_kinds import INTEGERS, TEXT, IdKinds
from transforms.messages.ranked_lists import RankedLists

if TYPE_CHECKING:
    from inference.models.versions import VersionedModel

_LOG = logging.getLogger("rivulet.serving")
_HISTORY = "history"
_STATE = "state"


class StateSizeError(ValueError):
    """An embedding does not have the length of the model's states, or is not finite."""


class IdKindError(ValueError):
    """An id is not of the kind that the model was trained on."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A batch's lists and the version that ranked: versions change while requests wait."""

    lists: RankedLists
    policy: str


class InferenceModel:
    """A model and its batcher.

    Args:
        name: its part of the address; None for the name of its algorithm.
        model: the model, whose version may change.
        threads: where it ranks.
        metrics: receives the sizes of batches and the number of ranked users.
    """

    def __init__(
        self,
        name: str | None,
        model: VersionedModel,
        threads: ThreadPoolExecutor,
        metrics: Metrics,
    ) -> None:
        self._versioned = model
        self._policy = model.policy()
        self._metrics = metrics
        self.name = name or self._policy.info.algorithm
        self._batcher: Batcher[_Ranked] = Batcher(self._rank, threads, metrics.batch.observe)
        self._similar = SimilarLists(lambda: self._policy, threads)

    @property
    def model(self) -> Model:
        """The version in use."""
        policy = self._policy
        return Model(
            name=self.name,
            policy=policy.info.label,
            algorithm=policy.info.algorithm,
            items=len(policy.item_ids),
            state_size=policy.network.sizes.state,
        )

    @property
    def ids(self) -> IdKinds:
        """The kinds of the model's ids."""
        return self._policy.info.ids

    @property
    def history(self) -> int:
        """Items of a history that the policy reads, as its model.json says."""
        return self._policy.info.history

    @property
    def stranger(self) -> int | str:
        """A user that the model does not know."""
        users, number = self._policy.user_ids, 0
        while True:
            text = self.ids.user == TEXT
            user = f"anonymous {number}" if text else -(2**63) + number
            if users.rows(_keys([user], self.ids.user, "user"))[0] == users.unknown:
                return user
            number += 1

    async def similar(self, item: int | str, length: int) -> RankResponse | None:
        """The items most similar to an item, with their cosines in place of propensities.

        None where the version in use does not know the item.

        Raises:
            IdKindError: the item is not of the kind of the model's.
            OverloadedError: too much is waiting already.
        """
        key = int(_keys([item], self.ids.item, "item")[0]) if isinstance(item, str) else item
        return await self._similar.best(key, length)

    def refresh(self) -> None:
        """Switches to a new version, if there is one; blocks while it is loaded."""
        policy = self._versioned.policy()
        self._metrics.refused.labels(self.name).set(self._versioned.refused)
        if policy is not self._policy:
            _LOG.warning("POST /%s ranks with %s from now on", self.name, policy.info.label)
            self._policy = policy

    def _rank(self, columns: tuple[npt.NDArray[Any], ...], kind: tuple[Any, ...]) -> _Ranked:
        policy = self._policy
        form, size, repeat_consumed, _ = kind
        if form == _STATE:
            state_size = policy.network.sizes.state
            if columns[0].shape[1] != state_size:
                raise StateSizeError(
                    f"each embedding must have {state_size} numbers for this model"
                )
            return _Ranked(policy.rank_states(columns[0], size), policy.info.label)
        users, histories, lengths = columns
        lists = policy.rank(users, histories, lengths, size, repeat_consumed)
        return _Ranked(lists, policy.info.label)

    async def rank(self, users: list[int | str], request: RankRequest) -> RankResponse:
        """Ranks a request, together with others that are waiting.

        Raises:
            OverloadedError: too much is waiting already.
            StateSizeError: the states are not of this model.
        """
        ranked, rows = await self._batcher.submit(request)
        lists = ranked.lists
        items = lists.items[rows].tolist()
        if lists.names is not None and lists.names.item is not None:
            names = lists.names.item
            texts = dict(zip(names.key.tolist(), names.text.to_pylist(), strict=True))
            items = [[texts.get(item, item) for item in row] for row in items]
        propensities = lists.propensities[rows].tolist()
        for row, length in enumerate(lists.length[rows].tolist()):
            del items[row][length:], propensities[row][length:]
        self._metrics.ranked.labels(ranked.policy).inc(len(users))
        return RankResponse(users, items, propensities, ranked.policy)


def histories_request(
    given: HistoriesInput, history_size: int, ids: IdKinds = INTEGERS
) -> RankRequest:
    """The columns of a request with histories: the last items of each, left-aligned.

    Args:
        given: the request.
        history_size: items of each history that are used, as in the job.
        ids: the kinds of the model's ids.

    Raises:
        IdKindError: an id is of another kind.
    """
    width = min(history_size, MAX_HISTORY)
    rows = [history[-width:] for history in given.item]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    histories = np.zeros((len(rows), width), np.int64)
    histories[np.arange(width) < lengths[:, None]] = _keys(
        [item for row in rows for item in row], ids.item, "item"
    )
    columns = (_keys(given.user, ids.user, "user"), histories, lengths)
    return RankRequest(columns, (_HISTORY, given.size, given.repeat_consumed, width))


def _keys(ids: list[int | str], kind: str, field: str) -> npt.NDArray[np.int64]:
    """Ids of a request as the model has them: texts become their keys.

    Raises:
        IdKindError: an id is of another kind.
    """
    if kind == TEXT:
        if not all(isinstance(one, str) and is_id_text(one) for one in ids):
            raise IdKindError(
                f"{field}: this model's ids are text of up to {ID_BYTES} bytes without control "
                "characters"
            )
        return hash_texts(pa.array(ids, pa.string()))
    if not all(isinstance(one, int) for one in ids):
        raise IdKindError(f"{field}: this model's ids are integers of 64 bits")
    return np.array(ids, np.int64)


def states_request(given: StatesInput) -> RankRequest:
    """The columns of a request with states.

    Raises:
        StateSizeError: the states are not of equal length, or not finite.
    """
    if len({len(state) for state in given.embedding}) > 1:
        raise StateSizeError("the embeddings have different lengths")
    states = np.array(given.embedding, np.float64)
    if not (np.abs(states) <= STATE_LIMIT).all():  # NaN compares as false.
        raise StateSizeError(f"embeddings must be finite numbers of at most {STATE_LIMIT:g}")
    return RankRequest((states,), (_STATE, given.size, False, states.shape[1]))

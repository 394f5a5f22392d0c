"""The policies of the loop: each shows lists in a round, and learns from all rounds so far."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.loop.bandit import Thompson
from benchmarks.loop.explore import LastPlaces
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from inference.policy import Policy
from simulation.responsive.play import Played
from training.algorithms.registry import find_algorithm
from training.datasets.lists import ShownLists, joined
from training.datasets.sequences import TRAIN, Sequences
from training.datasets.shown_lists import Ragged, as_lists
from training.trainer.config import TrainConfig
from training.trainer.trainer import Trainer

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]


class Arm(Protocol):
    """A policy in the loop."""

    def show(self, users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
        """The lists that users see, int64 [n, k]; see `simulation.responsive.play`."""

    def deployed(self, users: Int64s, histories: Int64s) -> Int64s:
        """The policy's own lists, without exploration."""

    def learn(self, played: Played) -> None:
        """Learns from a further round."""


class Learning:
    """What all learning arms of a world begin with.

    Args:
        sequences: the events before the first list.
        config: how to train.
        epochs: epochs in each round.
    """

    def __init__(self, sequences: Sequences, config: TrainConfig) -> None:
        self.sequences, self.config = sequences, config
        self.sizes = Sizes(items=len(sequences.items), users=len(sequences.users))
        trainer = self.trainer(None)
        self.first: Network = trainer.start(self.sizes)
        trainer.pretrain(self.first)

    def trainer(self, lists: ShownLists | None, algorithm: str = "reinforce") -> Trainer:
        """A trainer without validation, on lists or on the events."""
        config = replace(
            self.config, algorithm=algorithm, options=find_algorithm(algorithm).options()
        )
        steps = self.sequences.transitions(TRAIN)
        none = steps.take(slice(0))
        both = None if lists is None else (lists, lists.take(slice(0)))
        return Trainer(config, steps, none, torch.device("cpu"), both)


class Learnt:
    """A network, trained further in each round on the lists of all rounds.

    Args:
        begin: the first model and its data.
        explore: the exploration; the share of the lists that are drawn falls as 1 / round.
        frozen: whether the first model stays.
        algorithm: what trains it.
        replay: lists of earlier rounds that it learns from, as a multiple of the round's.
    """

    def __init__(
        self,
        begin: Learning,
        explore: LastPlaces,
        frozen: bool = False,
        algorithm: str = "reinforce",
        replay: int = 100,
    ) -> None:
        self._begin, self._explore, self._frozen = begin, explore, frozen
        self._algorithm, self._replay, self._round = algorithm, replay, 1
        self._network = copy.deepcopy(begin.first)
        self._log: ShownLists | None = None
        self._chances: dict[tuple[int, int], Float32s] = {}
        self._policy = self._served()

    def _served(self) -> Policy:
        sequences = self._begin.sequences
        info = ModelInfo(self._network.algorithm, "0", self._network.sizes)
        return Policy(self._network, sequences.items, sequences.users, info)

    def show(self, users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
        """As in `Arm`."""
        best = self._best(users, histories, self._explore.depth)
        explore = replace(self._explore, share=self._explore.share / self._round)
        lists, chances = explore.lists(users, times, best)
        keys = zip(users.tolist(), times.tolist(), strict=True)
        self._chances |= dict(zip(keys, chances, strict=True))
        return lists

    def deployed(self, users: Int64s, histories: Int64s) -> Int64s:
        """As in `Arm`."""
        return self._best(users, histories, self._explore.size)

    def _best(self, users: Int64s, histories: Int64s, size: int) -> Int64s:
        rows, lengths = left_aligned(histories)
        return np.asarray(self._policy.rank(users, rows, lengths, size).items)

    def learn(self, played: Played) -> None:
        """As in `Arm`."""
        if self._frozen:
            return
        keys = zip(played.users.tolist(), played.times.tolist(), strict=True)
        chances = np.array([self._chances[key] for key in keys])
        self._chances.clear()
        rows, lengths = left_aligned(played.histories)
        whole = np.full(len(played), played.lists.shape[1])
        log = as_lists(
            self._begin.sequences,
            played.users,
            Ragged.of_matrix(rows, lengths),
            Ragged.of_matrix(played.lists, whole),
            Ragged.of_matrix(chances, whole),
            Ragged.of_matrix(played.rewards, whole),
            times=played.times,
        )
        rng = np.random.default_rng([self._begin.config.seed, self._round])
        before = self._log if self._log is not None else log.take(slice(0))
        again = rng.permutation(len(before))[: self._replay * len(log)]
        trainer = self._begin.trainer(joined(before.take(np.sort(again)), log), self._algorithm)
        self._log = joined(before, log)
        self._network, _ = trainer.learn(self._network)
        self._policy = self._served()
        self._round += 1


class Bandit:
    """Linear Thompson sampling, updated after each round.

    Args:
        bandit: the bandit.
        size: items in a list.
    """

    def __init__(self, bandit: Thompson, size: int) -> None:
        self._bandit, self._size = bandit, size

    def show(self, users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
        """As in `Arm`."""
        del times
        return self._bandit.best(users, histories, self._size)

    def deployed(self, users: Int64s, histories: Int64s) -> Int64s:
        """As in `Arm`."""
        return self._bandit.best(users, histories, self._size, draw=False)

    def learn(self, played: Played) -> None:
        """As in `Arm`."""
        rewards = played.rewards.astype(np.float64)
        self._bandit.learn(played.users, played.histories, played.lists, rewards)


def left_aligned(histories: Int64s) -> tuple[Int64s, Int64s]:
    """Histories padded with 0 before the first item, as left-aligned rows, and their lengths."""
    lengths = (histories > 0).sum(axis=1)
    width = histories.shape[1]
    column = np.minimum(np.arange(width) + (width - lengths)[:, None], width - 1)
    return np.take_along_axis(histories, column, axis=1), lengths

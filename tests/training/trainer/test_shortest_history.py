"""The shortest history from which a policy beats popular items, with policies that are known."""

import numpy as np
import pytest
import torch

from training.datasets.transitions import Transitions
from training.trainer.shortest_history import last_events, shortest_history

CPU = torch.device("cpu")
ITEMS, WINDOW = 12, 4


def steps_of(n: int, seed: int) -> Transitions:
    """Item a is followed by a + 1, modulo 12; item 0 is the most popular start."""
    rng = np.random.default_rng(seed)
    first = np.minimum(rng.integers(0, ITEMS, n), rng.integers(0, ITEMS, n))
    lengths = rng.integers(1, WINDOW + 1, n)
    place = np.arange(WINDOW)
    histories = np.where(place < lengths[:, None], (first[:, None] + place) % ITEMS, ITEMS)
    one = np.ones(n, np.float32)
    actions = (first + lengths) % ITEMS
    users = rng.integers(0, 3, n)
    return Transitions(histories, lengths, users, actions, one, one, np.zeros(n, bool))


class Knows:
    """Knows the next item from a length of history on, and is wrong before."""

    training = False

    def __init__(self, least: int) -> None:
        self.least, self.users = least, set[int]()

    def __call__(
        self, histories: torch.Tensor, lengths: torch.Tensor, users: torch.Tensor, /
    ) -> torch.Tensor:
        self.users |= set(users.tolist())
        last = histories.gather(1, lengths[:, None] - 1)[:, 0]
        shift = torch.where(lengths >= self.least, 1, 3)
        return torch.eye(ITEMS + 1)[(last + shift) % ITEMS]

    def vectors(self) -> torch.Tensor:
        return torch.eye(ITEMS + 1)

    def repeat_scores(self, items: torch.Tensor, lengths: torch.Tensor, /) -> None:
        return None

    def eval(self) -> object:
        return self

    def train(self, mode: bool = True) -> object:
        return self


@pytest.mark.parametrize("least", [1, 2, 4])
def test_it_is_found(least: int) -> None:
    network = Knows(least)
    train, valid = steps_of(500, 0), steps_of(500, 1)
    assert shortest_history(network, train, valid, ITEMS, 9, CPU) == least
    # Whoever has a short history is new.
    assert network.users == {9}


def test_a_policy_that_never_wins_and_too_few_steps_give_none() -> None:
    train, valid = steps_of(500, 0), steps_of(500, 1)
    assert shortest_history(Knows(9), train, valid, ITEMS, 9, CPU) is None
    assert shortest_history(Knows(1), train, valid.take(slice(20)), ITEMS, 9, CPU) is None


def test_the_last_events_of_longer_histories() -> None:
    one = np.ones(3, np.float32)
    histories = np.array([[1, 2, 3, 4], [5, 6, 7, 9], [8, 9, 9, 9]])
    steps = Transitions(
        histories, np.array([4, 3, 1]), np.arange(3), np.arange(3), one, one, np.zeros(3, bool)
    )
    found = last_events(steps, 2, 9, 7)
    assert found.histories.tolist() == [[3, 4, 9, 9], [6, 7, 9, 9]]
    assert (found.lengths.tolist(), found.users.tolist()) == ([2, 2], [7, 7])

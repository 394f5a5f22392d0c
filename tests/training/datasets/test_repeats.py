"""Counts of repeats against plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.network.network import Network
from inference.network.sizes import Sizes
from tests.training.small import EVENTS, Event, sequences_of
from training.datasets.repeats import count_repeats, set_repeats
from training.datasets.sequences import TRAIN
from training.datasets.transitions import Transitions


def by_loops(steps: Transitions, chances: np.ndarray, reach: int) -> tuple[list[float], float]:
    window = steps.histories.shape[1]
    seen = []
    for row in range(len(steps)):
        history = steps.histories[row, : steps.lengths[row]].tolist()
        after = steps.actions[row:][steps.users[row:] == steps.users[row]][:reach].tolist()
        for item in set(history) - {len(chances)}:
            place = history[::-1].index(item)
            due = 1 - (1 - chances[item]) ** len(after)
            seen.append((place, history.count(item), due, item in after))
    weights = []
    for place in range(window):
        came = sum(comes for at, _, _, comes in seen if at == place)
        due = sum(due for at, _, due, _ in seen if at == place)
        weights.append(math.log((came + 0.5) / (due + 0.5)))
    several = [each for each in seen if each[1] > 1]
    if not several:
        return weights, 0.0
    expected = sum(due * math.exp(weights[place]) for place, _, due, _ in several)
    more = math.log((sum(each[3] for each in several) + 0.5) / (expected + 0.5))
    return weights, more / (sum(each[1] - 1 for each in several) / len(several))


@given(EVENTS, st.integers(1, 4))
def test_against_loops(events: list[Event], reach: int) -> None:
    sequences = sequences_of(events)
    steps = sequences.transitions(TRAIN, width=4)
    if not len(steps):
        return
    chances = np.linspace(0.1, 0.9, len(sequences.items))
    weights, again = count_repeats(steps, chances, reach)
    expected, more = by_loops(steps, chances, reach)
    assert weights.tolist() == pytest.approx(expected)
    assert again == pytest.approx(more)


def test_they_are_set_and_stay() -> None:
    # The last but one comes again, over and over.
    events = [(user, user % 3 + at % 2 * 3, at) for user in range(1, 7) for at in range(20)]
    steps = sequences_of(events).transitions(TRAIN, width=10)
    network = Network("reinforce", Sizes(items=6, users=6, repeats=True))
    set_repeats(network, steps, np.full(6, 1 / 6))
    assert network.repeats is not None
    assert network.repeats.weights[:2].min() > 0
    assert not any(weight.requires_grad for weight in network.repeats.parameters())
    plain = Network("reinforce", Sizes(items=6, users=6))
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    set_repeats(plain, steps, np.full(6, 1 / 6))
    assert all(torch.equal(before[name], value) for name, value in plain.state_dict().items())

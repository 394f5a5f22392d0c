import pytest
from torch import nn

from training.algorithms.averaging import update_average


def test_the_first_steps_by_hand_and_the_limit() -> None:
    average, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    average.weight.data.fill_(0.0)
    network.weight.data.fill_(1.0)
    update_average(average, network, 1)
    assert average.weight.item() == pytest.approx(1 - 2 / 11)
    update_average(average, network, 2)
    assert average.weight.item() == pytest.approx(1 - 2 / 11 * 3 / 12)
    average.weight.data.fill_(0.0)
    update_average(average, network, 10**6)
    assert average.weight.item() == pytest.approx(0.002)
    assert network.weight.item() == 1

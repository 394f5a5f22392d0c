"""The inference encoder computes the states of the training encoder."""

import copy

import numpy as np
import pytest
import torch

from tests.inference.test_policy import rows_of
from tests.inference.tiny import tiny_policy


@pytest.mark.parametrize("encoder", ["attention", "gru"])
@pytest.mark.parametrize("height", [0, 1, 4, 10])
@pytest.mark.parametrize("item_dim", [8, 32])
def test_states_are_those_of_the_trained_encoder(encoder: str, height: int, item_dim: int) -> None:
    policy = tiny_policy(encoder=encoder, item_dim=item_dim)
    for parameter in policy.network.parameters():
        # Norms and biases that are 1 and 0 would hide a slip.
        parameter.add_(0.3 * torch.randn_like(parameter))
    policy = type(policy)(policy.network, policy.item_ids, policy.user_ids, policy.info)
    users, histories, lengths = rows_of(policy, 700, height)
    trained = copy.deepcopy(policy.network.encoder).double()
    with torch.no_grad():
        wanted = trained(
            torch.from_numpy(policy.item_ids.rows(np.pad(histories, ((0, 0), (0, height == 0))))),
            torch.from_numpy(lengths),
            torch.from_numpy(policy.user_ids.rows(users)),
        )
    states = policy.states(users, histories, lengths)
    assert states.dtype == torch.float64
    assert (states - wanted).abs().max() < 1e-12

"""Small untrained policies for tests."""

import numpy as np
import torch

from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from inference.policy import Policy


def tiny_network(algorithm: str = "reinforce", items: int = 50, **sizes: object) -> Network:
    torch.manual_seed(7)
    network = Network(
        algorithm,
        Sizes(items=items, users=5, **({"item_dim": 8, "user_dim": 4} | sizes)),  # type: ignore[arg-type]
    )
    torch.nn.init.normal_(network.bias)
    return network


def tiny_ids(items: int = 50) -> tuple[IdMap, IdMap]:
    """Items 7, 10, 13 ... in a mixed order, and users 100 to 104."""
    order = np.random.default_rng(3).permutation(items)
    return IdMap(7 + 3 * order), IdMap(np.arange(100, 105))


def tiny_policy(algorithm: str = "reinforce", items: int = 50, **sizes: object) -> Policy:
    network = tiny_network(algorithm, items, **sizes)
    info = ModelInfo(algorithm, "1", network.sizes)
    return Policy(network, *tiny_ids(items), info)

import numpy as np
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from tests.training.small import sequences_of
from training.algorithms.supervised import start_from_counts
from training.datasets.sequences import TRAIN


def test_it_starts_as_the_popularity_ranking() -> None:
    torch.manual_seed(0)
    sequences = sequences_of(
        (user, item, item) for user in range(20) for item in range(9 - user % 7)
    )
    steps = sequences.transitions(TRAIN)
    sizes = Sizes(items=len(sequences.items), users=1, item_dim=8, user_dim=2)
    network = Network("reinforce", sizes).eval()
    start_from_counts(network, steps)
    counts = np.bincount(steps.actions, minlength=sizes.items) + 1.0
    with torch.no_grad():
        query = network(torch.tensor([[1, 0]]), torch.tensor([2]), torch.tensor([0]))
        chances = (query @ network.vectors()[:-1].T).softmax(dim=1)[0].numpy()
    # Up to what the small vectors say.
    assert np.allclose(chances, counts / counts.sum(), atol=0.05)

"""The packaged model is small, loads, and knows the sample stream's items."""

import numpy as np

from inference import packaged_model
from inference.models.directory import load_policy


def test_the_packaged_model_ranks() -> None:
    directory = packaged_model()
    assert sum(path.stat().st_size for path in directory.iterdir()) < 2_000_000
    policy = load_policy(directory)
    assert policy.info.label == f"reinforce-{policy.info.version}"
    users, histories = np.arange(1, 9), np.arange(1, 81).reshape(8, 10)
    ranking = policy.rank(users, histories, np.full(8, 10), 8)
    assert (ranking.length == 8).all()
    # Who has seen other things gets other things.
    assert len({tuple(items) for items in ranking.items.tolist()}) == 8

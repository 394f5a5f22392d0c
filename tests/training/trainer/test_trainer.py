"""Learning from lists of a biased policy pays, in a small world whose rewards are known."""

import torch

from benchmarks.off_policy import BEHAVIOUR, Case
from inference.network.sizes import Sizes
from training.algorithms.options import ReinforceOptions
from training.trainer.config import TrainConfig


def test_reinforce_earns_more_than_the_biased_policy_and_than_its_start() -> None:
    torch.set_num_threads(1)
    case = Case.make(seed=1, events=15_000, users=150, exploration=0.2, items=300)
    options = ReinforceOptions(learning_rate=1e-3)
    config = TrainConfig(pretrain_epochs=4, epochs=4, batch_size=64, options=options)
    trainer = case.trainer(config)
    sizes = Sizes(len(case.sequences.items), len(case.sequences.users), item_dim=16, user_dim=8)
    network = trainer.start(sizes)
    trainer.pretrain(network)
    start = case.reward_of(network)
    network, found = trainer.learn(network)
    assert found["epoch"] > 0
    learnt = case.reward_of(network)
    assert learnt > 1.03 * start
    assert learnt > 2 * case.rewards_without_training()[BEHAVIOUR]

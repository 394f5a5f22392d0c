"""The chain from transitions to a trained network: supervised pretraining, then the algorithm."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from inference.encoder import Sizes
from inference.network import Network
from training.batches import Strangers
from training.bcq import Bcq, BcqOptions
from training.data import Transitions
from training.ddpg import Ddpg, DdpgOptions
from training.fit import FitOptions, Watch, fit
from training.learner import Learner
from training.reinforce import Reinforce, ReinforceOptions
from training.softmax import ItemSampler
from training.supervised import Supervised

ALGORITHMS = ("reinforce", "ddpg", "bcq")


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what comes out of the training data.

    Attributes:
        algorithm: one of ALGORITHMS.
        seed: of everything random.
        pretrain_epochs: epochs of supervised learning, at most.
        epochs: epochs of the algorithm, at most.
        patience: epochs without a better validation that end either stage.
        batch_size: rows in a step.
        pretrain_rate: Adam's learning rate in supervised learning.
        weight_decay: of supervised learning and REINFORCE, decoupled.
        dropout: probability in the encoder.
        full_softmax: the largest catalogue with a softmax over all items.
        samples: items drawn per step for larger ones.
        hide_users: share of rows whose user is hidden, to learn the unknown user.
        hide_items: share of history items that are hidden, to learn the unknown item.
        freeze: whether given item and user tables stay as they are.
        reinforce: options of REINFORCE.
        ddpg: options of DDPG.
        bcq: options of BCQ.
    """

    algorithm: str = "reinforce"
    seed: int = 0
    pretrain_epochs: int = 30
    epochs: int = 10
    patience: int = 3
    batch_size: int = 512
    pretrain_rate: float = 1e-3
    weight_decay: float = 0.0
    dropout: float = 0.2
    full_softmax: int = 20_000
    samples: int = 1_024
    hide_users: float = 0.2
    hide_items: float = 0.02
    freeze: bool = False
    reinforce: ReinforceOptions = field(default_factory=ReinforceOptions)
    ddpg: DdpgOptions = field(default_factory=DdpgOptions)
    bcq: BcqOptions = field(default_factory=BcqOptions)

    def as_run(self, fingerprint: str, sizes: Sizes) -> dict[str, Any]:
        """What a checkpoint's run must agree on: all but how long it goes on."""
        run = asdict(self) | {"fingerprint": fingerprint, "sizes": asdict(sizes)}
        del run["epochs"], run["patience"]
        return run


def train_network(
    recipe: Recipe,
    sizes: Sizes,
    train: Transitions,
    valid: Transitions,
    device: torch.device,
    tables: tuple[Tensor, Tensor] | None = None,
    watch: Watch | None = None,
) -> tuple[Network, dict[str, float]]:
    """Trains a network.

    Args:
        recipe: how.
        sizes: the network's shape.
        train: steps to learn from.
        valid: steps to validate on.
        device: where to train.
        tables: item and user embeddings [items + 1, item_dim], [users + 1, user_dim] to start
            from; None to learn them from nothing.
        watch: what looks on.

    Returns:
        The network, and the best validation NDCG@10 of each stage.
    """
    watch = watch or Watch()
    torch.manual_seed(recipe.seed)
    # BCQ's head has nothing to say before its critic has learnt: a softmax head stands in.
    first = "reinforce" if recipe.algorithm == "bcq" else recipe.algorithm
    network = Network(first, sizes, recipe.dropout).to(device)
    if tables is not None:
        network.encoder.items.weight.data.copy_(tables[0])
        network.encoder.users.weight.data.copy_(tables[1])
        network.encoder.items.weight.requires_grad_(not recipe.freeze)
        network.encoder.users.weight.requires_grad_(not recipe.freeze)
    samples = 0 if sizes.items <= recipe.full_softmax else recipe.samples
    sampler = ItemSampler(train.actions, sizes.items, samples, device)
    strangers = Strangers(recipe.hide_users, recipe.hide_items, sizes.users, sizes.items)

    def run(stage: str, learner: Learner, epochs: int) -> float:
        options = FitOptions(epochs, recipe.batch_size, recipe.patience, recipe.seed, device)
        return fit(stage, learner, train, valid, options, strangers, watch)

    metrics = {}
    pretrained = watch.resumed is not None and watch.resumed.stage != "supervised"
    if recipe.pretrain_epochs and not pretrained:
        learner = Supervised(network, sampler, recipe.pretrain_rate, recipe.weight_decay)
        metrics["supervised_ndcg@10"] = run("supervised", learner, recipe.pretrain_epochs)
    if recipe.epochs:
        trained = with_head(recipe.algorithm, network)
        metrics["ndcg@10"] = run("policy", make_learner(recipe, trained, sampler), recipe.epochs)
        network = trained
    return network, metrics


def with_head(algorithm: str, network: Network) -> Network:
    """The same encoder and vectors under the algorithm's head; itself if it has that already."""
    if network.algorithm == algorithm:
        return network
    changed = Network(algorithm, network.sizes).to(network.bias.device)
    changed.encoder, changed.bias = network.encoder, network.bias
    return changed


def make_learner(recipe: Recipe, network: Network, sampler: ItemSampler) -> Learner:
    """The recipe's algorithm, about to train a network."""
    if recipe.algorithm == "ddpg":
        return Ddpg(network, sampler, recipe.ddpg)
    if recipe.algorithm == "bcq":
        return Bcq(network, sampler, recipe.bcq)
    return Reinforce(network, sampler, recipe.reinforce)

"""The chain from transitions to a trained network: supervised pretraining, then the algorithm."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.network.heads import ActorHead, GeneratorHead
from inference.network.network import Network
from inference.network.sizes import Sizes
from training.algorithms.bcq import Bcq, BcqOptions, begin_as
from training.algorithms.ddpg import Ddpg, DdpgOptions
from training.algorithms.learner import Learner
from training.algorithms.reinforce import Reinforce, ReinforceOptions
from training.algorithms.softmax import ItemSampler
from training.algorithms.supervised import Supervised, start_from_counts
from training.datasets.batches import IdDropout, Steps
from training.datasets.sequences import Transitions
from training.datasets.shown_lists import ShownLists, joined
from training.trainer.training_loop import VALIDATION_ROWS, FitOptions, Watch, fit
from training.trainer.validation import validation

ALGORITHMS = ("reinforce", "ddpg", "bcq")


@dataclass(frozen=True, slots=True)
class TrainConfig:
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
        refit: whether, once validation has told the numbers of epochs, all is learnt anew with
            the validation part.
        reinforce: options of REINFORCE.
        ddpg: options of DDPG.
        bcq: options of BCQ.
    """

    algorithm: str = "reinforce"
    seed: int = 0
    pretrain_epochs: int = 30
    epochs: int = 10
    patience: int = 4
    batch_size: int = 512
    pretrain_rate: float = 2e-3
    weight_decay: float = 0.0
    dropout: float = 0.2
    full_softmax: int = 4_096
    samples: int = 1_024
    hide_users: float = 0.2
    hide_items: float = 0.02
    freeze: bool = False
    refit: bool = True
    reinforce: ReinforceOptions = field(default_factory=ReinforceOptions)
    ddpg: DdpgOptions = field(default_factory=DdpgOptions)
    bcq: BcqOptions = field(default_factory=BcqOptions)

    def as_run(self, fingerprint: str, sizes: Sizes) -> dict[str, Any]:
        """What a checkpoint's run must agree on: all but how long it goes on."""
        run = asdict(self) | {"fingerprint": fingerprint, "sizes": asdict(sizes)}
        del run["epochs"], run["patience"]
        return run


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """What a network is trained on, and how.

    Attributes:
        recipe: how.
        train: steps to learn from.
        valid: steps to validate on.
        device: where to train.
        lists: lists that were shown, for the algorithm to learn from and to validate on;
            None where it learns from the steps.
        watch: what looks on.
        again: whether this is what follows validation, with all there is to learn from.
    """

    recipe: TrainConfig
    train: Transitions
    valid: Transitions
    device: torch.device
    lists: tuple[ShownLists, ShownLists] | None = None
    watch: Watch = field(default_factory=Watch)
    again: bool = False

    def start(self, sizes: Sizes, tables: tuple[Tensor, Tensor] | None = None) -> Network:
        """A network that has learnt nothing.

        Args:
            sizes: its shape.
            tables: item and user embeddings [items + 1, item_dim], [users + 1, user_dim] to
                start from; None to learn them from nothing.
        """
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        # BCQ's head has nothing to say before its critic has learnt: DDPG's actor stands in.
        first = "ddpg" if recipe.algorithm == "bcq" else recipe.algorithm
        network = Network(first, sizes, recipe.dropout).to(self.device)
        start_from_counts(network, self.train)
        if tables is not None:
            network.encoder.items.weight.data.copy_(tables[0])
            network.encoder.users.weight.data.copy_(tables[1])
            network.encoder.items.weight.requires_grad_(not recipe.freeze)
            network.encoder.users.weight.requires_grad_(not recipe.freeze)
        return network

    def pretrain(self, network: Network) -> dict[str, float]:
        """Supervised learning of what users did; what validation found of the best epoch."""
        recipe = self.recipe
        sampler = self._sampler(network.sizes)
        teacher = Supervised(network, sampler, recipe.pretrain_rate, recipe.weight_decay)
        return self.run("supervised", teacher, self.train, recipe.pretrain_epochs)

    def learn(self, network: Network) -> tuple[Network, dict[str, float]]:
        """The algorithm, from a pretrained network on.

        Returns:
            The network under the algorithm's head, and what validation found of the best epoch.
        """
        network = with_head(self.recipe.algorithm, network)
        steps: Steps = self.lists[0] if self.lists and len(self.lists[0]) else self.train
        learner = make_learner(self.recipe, network, self._sampler(network.sizes), steps)
        return network, self.run("policy", learner, steps, self.recipe.epochs)

    def run(self, stage: str, learner: Learner, steps: Steps, epochs: int) -> dict[str, float]:
        """Trains a learner on steps or lists; what validation found of the best epoch."""
        recipe, sizes = self.recipe, learner.network.sizes
        stage = f"{stage}_again" if self.again else stage
        strangers = IdDropout(recipe.hide_users, recipe.hide_items, sizes.users, sizes.items)
        options = FitOptions(
            epochs,
            recipe.batch_size,
            recipe.patience,
            recipe.seed,
            self.device,
            # A network that has learnt nothing yet is no candidate.
            keep_start=stage.startswith("policy") and recipe.pretrain_epochs > 0,
        )
        sample = np.random.default_rng(recipe.seed).permutation(len(self.valid))
        valid = self.valid.take(np.sort(sample[:VALIDATION_ROWS]))
        of_lists = self.lists[1] if self.lists and isinstance(steps, ShownLists) else None
        validate = validation(valid, of_lists, self.device)
        return fit(stage, learner, steps, validate, options, strangers, self.watch)

    def _sampler(self, sizes: Sizes) -> ItemSampler:
        samples = 0 if sizes.items <= self.recipe.full_softmax else self.recipe.samples
        return ItemSampler(self.train.actions, sizes.items, samples, self.device)

    def with_all(self, train: Transitions, found: dict[str, float], watch: Watch) -> Trainer:
        """The course that follows this one's validation.

        Args:
            train: the steps to learn from and those to validate on, together.
            found: what this course's training found; it tells how long to train.
            watch: what looks on.
        """
        recipe = replace(
            self.recipe,
            pretrain_epochs=int(found.get("supervised_epoch", 0)),
            epochs=int(found.get("epoch", 0)),
        )
        nothing = self.valid.take(slice(0))
        lists = None if self.lists is None else (joined(*self.lists), self.lists[1].take(slice(0)))
        return Trainer(recipe, train, nothing, self.device, lists, watch, again=True)


def train_network(
    course: Trainer, sizes: Sizes, tables: tuple[Tensor, Tensor] | None = None
) -> tuple[Network, dict[str, float]]:
    """Trains a network: first on what users did, then the algorithm on that or on lists.

    Args:
        course: what on, and how.
        sizes: the network's shape.
        tables: as of `Trainer.start`.

    Returns:
        The network, and what validation found of the best epoch of each stage.
    """
    recipe, resumed = course.recipe, course.watch.resumed
    network = course.start(sizes, tables)
    metrics = dict(resumed.found) if resumed else {}
    if recipe.pretrain_epochs and (resumed is None or resumed.stage.startswith("supervised")):
        found = course.pretrain(network)
        metrics |= {f"supervised_{name}": value for name, value in found.items()}
    course.watch.found.update(metrics)
    # What follows a validation that found the start best has no epochs, but the algorithm's head.
    if recipe.epochs or course.again:
        network, found = course.learn(network)
        metrics |= found
    return network, metrics


def with_head(algorithm: str, network: Network) -> Network:
    """The same encoder and vectors under the algorithm's head; itself if it has that already.

    BCQ's generator begins as the actor that it replaces.
    """
    if network.algorithm == algorithm:
        return network
    changed = Network(algorithm, network.sizes).to(network.bias.device)
    changed.encoder, changed.bias, changed.repeats = network.encoder, network.bias, network.repeats
    if isinstance(changed.head, GeneratorHead) and isinstance(network.head, ActorHead):
        begin_as(changed.head, network.head)
    return changed


def make_learner(
    recipe: TrainConfig, network: Network, sampler: ItemSampler, steps: Steps
) -> Learner:
    """The recipe's algorithm, about to train a network on these steps."""
    if recipe.algorithm == "ddpg":
        return Ddpg(network, sampler, recipe.ddpg)
    if recipe.algorithm == "bcq":
        return Bcq(network, sampler, recipe.bcq)
    options = recipe.reinforce
    if isinstance(steps, ShownLists):
        given = options.propensities
        return Reinforce(
            network, sampler, options, given == "logged" or (given == "auto" and steps.exploring)
        )
    # What users did by themselves is not what some policy chose: nothing is to be corrected.
    return Reinforce(network, sampler, replace(options, cap=options.cap_events))

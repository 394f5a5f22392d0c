"""Trains a network: supervised pretraining, then an algorithm."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from inference.network.network import Network
from inference.network.sizes import Sizes
from training.algorithms.learner import Learner
from training.algorithms.registry import Algorithm, find_algorithm
from training.algorithms.slate_credit import with_credit
from training.algorithms.softmax import ItemSampler
from training.algorithms.supervised import Supervised, start_from_counts
from training.datasets.batches import IdDropout, Steps
from training.datasets.lists import ShownLists
from training.datasets.transitions import Transitions
from training.trainer.config import TrainConfig
from training.trainer.training_loop import LoopConfig, Monitor, training_loop
from training.trainer.validation import VALIDATION_ROWS, validation
from training.trainer.warm_start import Start


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """Trains networks on one data set.

    Attributes:
        config: how to train.
        train: steps to learn from.
        valid: steps to validate on.
        device: device to train on.
        lists: recommended lists to learn from and to validate on, for the algorithm; None where
            it learns from the steps.
        monitor: progress, logs and checkpoints.
        warm: a trained model whose weights are the start.
        again: whether this is the second training, on all data, after validation.
    """

    config: TrainConfig
    train: Transitions
    valid: Transitions
    device: torch.device
    lists: tuple[ShownLists, ShownLists] | None = None
    monitor: Monitor = field(default_factory=Monitor)
    again: bool = False
    warm: Start | None = None

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of the config."""
        return find_algorithm(self.config.algorithm)

    def start(self, sizes: Sizes, tables: tuple[Tensor, Tensor] | None = None) -> Network:
        """An untrained network.

        Args:
            sizes: its shape.
            tables: item and user embeddings [items + 1, item_dim], [users + 1, user_dim] to
                start from; None for random ones.
        """
        config, algorithm = self.config, self.algorithm
        torch.manual_seed(config.seed)
        head = algorithm.pretrained_head or algorithm.head
        network = Network(head, sizes, config.dropout).to(self.device)
        start_from_counts(network, self.train)
        if self.warm is not None:
            self.warm.copy_into(network)
        if tables is not None:
            network.encoder.items.weight.data.copy_(tables[0])
            network.encoder.users.weight.data.copy_(tables[1])
            network.encoder.items.weight.requires_grad_(not config.freeze)
            network.encoder.users.weight.requires_grad_(not config.freeze)
        return network

    def pretrain(self, network: Network) -> dict[str, float]:
        """Trains by supervised learning of the steps; validation metrics of the best epoch."""
        config = self.config
        sampler = self._sampler(network.sizes)
        learner = Supervised(network, sampler, config.pretrain_rate, config.weight_decay)
        return self.run("supervised", learner, self.train, config.pretrain_epochs)

    def learn(self, network: Network) -> tuple[Network, dict[str, float]]:
        """Trains by the algorithm, from a pretrained network.

        Returns:
            The network under the algorithm's head, and the validation metrics of the best epoch.
        """
        network = with_head(self.algorithm, network)
        lists = self.lists if self.lists and len(self.lists[0]) else None
        if lists is not None and self.algorithm.decomposes:
            lists = with_credit(lists, network.sizes, self.config.seed, self.device)
        steps: Steps = self.train if lists is None else lists[0]
        sampler = self._sampler(network.sizes)
        learner = self.algorithm.make(network, sampler, self.config, steps)
        valid = None if lists is None else lists[1]
        return network, self.run("policy", learner, steps, self.config.epochs, valid)

    def run(
        self,
        stage: str,
        learner: Learner,
        steps: Steps,
        epochs: int,
        valid_lists: ShownLists | None = None,
    ) -> dict[str, float]:
        """Trains a learner on steps or lists; the validation metrics of the best epoch."""
        config, sizes = self.config, learner.network.sizes
        stage = f"{stage}_again" if self.again else stage
        loop = LoopConfig(
            epochs,
            config.batch_size,
            config.patience,
            config.seed,
            self.device,
            # An untrained network is no candidate.
            keep_start=stage.startswith("policy") and config.pretrain_epochs > 0,
        )
        sample = np.random.default_rng(config.seed).permutation(len(self.valid))
        valid = self.valid.take(np.sort(sample[:VALIDATION_ROWS]))
        return training_loop(
            stage,
            learner,
            steps,
            validation(valid, valid_lists, self.device),
            loop,
            IdDropout(config.hide_users, config.hide_items, sizes.users, sizes.items),
            self.monitor,
        )

    def _sampler(self, sizes: Sizes) -> ItemSampler:
        samples = 0 if sizes.items <= self.config.full_softmax else self.config.samples
        return ItemSampler(self.train.actions, sizes.items, samples, self.device)

    def with_all(
        self,
        train: Transitions,
        lists: tuple[ShownLists, ShownLists] | None,
        metrics: dict[str, float],
        monitor: Monitor,
    ) -> Trainer:
        """The trainer of the second training, on the training and the validation split.

        Args:
            train: the steps of both splits.
            lists: the lists of both splits, and none to validate on.
            metrics: what the first training returned; its best epochs are the numbers of epochs.
            monitor: progress, logs and checkpoints.
        """
        config = replace(
            self.config,
            pretrain_epochs=int(metrics.get("supervised_epoch", 0)),
            epochs=int(metrics.get("epoch", 0)),
        )
        none = self.valid.take(slice(0))
        return Trainer(config, train, none, self.device, lists, monitor, again=True, warm=self.warm)


def train_network(
    trainer: Trainer, sizes: Sizes, tables: tuple[Tensor, Tensor] | None = None
) -> tuple[Network, dict[str, float]]:
    """Trains a network through all stages, or the rest of them after a checkpoint.

    Args:
        trainer: data and config.
        sizes: the network's shape.
        tables: as of `Trainer.start`.

    Returns:
        The network, and the validation metrics of the best epoch of each stage.
    """
    config, resumed = trainer.config, trainer.monitor.resumed
    network = trainer.start(sizes, tables)
    metrics = dict(resumed.metrics) if resumed else {}
    if config.pretrain_epochs and (resumed is None or resumed.stage.startswith("supervised")):
        found = trainer.pretrain(network)
        metrics |= {f"supervised_{name}": value for name, value in found.items()}
    trainer.monitor.metrics.update(metrics)
    # The second training may have 0 epochs of the algorithm, but needs its head.
    if config.epochs or trainer.again:
        network, found = trainer.learn(network)
        metrics |= found
    return network, metrics


def with_head(algorithm: Algorithm, network: Network) -> Network:
    """The network's encoder and vectors under the algorithm's head; itself if it has that head."""
    if network.algorithm == algorithm.head:
        return network
    changed = Network(algorithm.head, network.sizes).to(network.bias.device)
    changed.encoder, changed.bias, changed.repeats = network.encoder, network.bias, network.repeats
    if algorithm.begin_as is not None:
        algorithm.begin_as(changed.head, network.head)
    return changed

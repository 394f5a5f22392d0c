"""True reward of policies that are learnt from the lists of a biased policy.

    python -m benchmarks.off_policy

Each seed has a world, a stream of its users, and the feedback log of a biased policy with known
propensities (`simulation.shown`). All candidates learn from these, with the defaults of
`training.train` and from the same pretrained network. The true reward of their lists is known
(`simulation.feedback`) and is measured in the states of a second stream that none has seen. "To the
end" is after all epochs, without held-out data for early stopping. Intervals are those of the mean
over the seeds (Student's t); differences are computed for each seed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.worlds import STUDENT, interval, over_worlds
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from inference.policy import Policy
from rivulet.settings import ArgumentParser, option
from simulation.behaviour import draw_lists, inclusion_probabilities
from simulation.feedback import best_lists
from simulation.model import World
from simulation.options import EXPLORATION, LIST_PERIOD, LIST_SIZE
from simulation.shown import show, states
from training.algorithms.options import BcqOptions, DdpgOptions, ReinforceOptions
from training.algorithms.softmax import ItemSampler
from training.algorithms.supervised import Supervised
from training.cli import run_command
from training.datasets.list_split import split_lists
from training.datasets.lists import ShownLists
from training.datasets.sequences import TRAIN, VALID, Sequences, make_sequences
from training.datasets.shown_lists import Ragged, as_lists
from training.trainer.config import TrainConfig
from training.trainer.trainer import Trainer

USER_RATE = 1 / 32
"""Events of a user per second of event time: 25 a second with 800 users."""
STATES = 4_000
BEST = "the best lists"
BEHAVIOUR, LIKELIEST = "the biased policy", "its 8 most probable items"
EVENTS, TAKEN = "supervised, next event", "supervised, items taken"
FULL = "REINFORCE"
SINGLE = f"{FULL}, K = 1"
TO_THE_END = "to the end"


@dataclass(frozen=True)
class OffPolicySettings:
    """Worlds to learn in.

    Attributes:
        others: train DDPG and BCQ too.
        seeds: number of worlds.
        events: events of each stream.
        users: users of each world.
        workers: worlds at a time.
        exploration: share of the places of lists that are drawn at random.
    """

    others: bool = option(False)
    seeds: int = option(6, "N", least=2, most=len(STUDENT) + 1)
    events: int = option(40_000, "EVENTS", least=1_000)
    users: int = option(400, "USERS", least=100)
    workers: int | None = option(None, "N", least=1, shown="the number of processors")
    exploration: float = option(EXPLORATION, "SHARE", least=0, most=1)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """The training data of one world, and the states in which rewards are measured.

    Attributes:
        world: the users and items.
        seed: seed of world, log and training.
        exploration: fraction of the places of lists that are filled at random.
        sequences: the users' events.
        lists: the lists for training and for validation.
        users: int64 [n], the users of the measured states.
        histories: int64 [n, 10], the histories of the measured states.
    """

    world: World
    seed: int
    exploration: float
    sequences: Sequences
    lists: tuple[ShownLists, ShownLists]
    users: npt.NDArray[np.int64]
    histories: npt.NDArray[np.int64]

    @staticmethod
    def make(seed: int, events: int, users: int, exploration: float, items: int = 1_000) -> Case:
        """The world, the log and the states of a seed."""
        world = World.make(seed, users, items)
        rate = users * USER_RATE
        stream = world.stream(events, rate, seed=1)
        data = make_sequences(stream.user, stream.item, stream.behavior, stream.time)
        log = show(world, stream, seed, exploration)
        history = Ragged.of_matrix(log.history, log.history_length)
        lists, propensities, rewards = (
            Ragged.of_matrix(column, log.length)
            for column in (log.items, log.propensities, log.rewards)
        )
        logged = as_lists(data, log.user, history, lists, propensities, rewards, times=log.time)
        # The simulated rewards are not events of the stream: any reward window keeps them.
        split = split_lists(logged, data, LIST_PERIOD)
        who, _, histories = states(world.stream(events, rate, seed=2))
        at = np.random.default_rng(seed).permutation(len(who))[:STATES]
        return Case(world, seed, exploration, data, split, who[at], histories[at])

    def trainer(self, config: TrainConfig, validated: bool = True) -> Trainer:
        """The trainer of a config; without validation it trains all epochs."""
        train, valid = (self.sequences.transitions(part) for part in (TRAIN, VALID))
        lists = self.lists
        if not validated:
            valid, lists = valid.take(slice(0)), (lists[0], lists[1].take(slice(0)))
        own = replace(config, seed=self.seed)
        return Trainer(own, train, valid, torch.device("cpu"), lists)

    def true_reward(self, lists: npt.NDArray[np.int64]) -> float:
        """The mean true reward of lists [n, k] of items in the states."""
        return float(self.world.expected_reward(self.users, self.histories, lists).mean())

    def reward_of(self, network: Network) -> float:
        """The mean true reward of the network's lists."""
        info = ModelInfo(network.algorithm, "0", network.sizes)
        policy = Policy(network, self.sequences.items, self.sequences.users, info)
        lengths = np.full(len(self.users), self.histories.shape[1])
        return self.true_reward(policy.rank(self.users, self.histories, lengths, LIST_SIZE).items)

    def rewards_without_training(self) -> dict[str, float]:
        """The mean true rewards of the best lists, and of the biased policy's lists."""
        inclusion = inclusion_probabilities(self.world, LIST_SIZE, self.exploration)
        row = self.world.user_cluster[self.users - 1]
        shown, _ = draw_lists(inclusion, row, LIST_SIZE, np.random.default_rng([self.seed, 4]))
        likeliest = np.argsort(-inclusion, axis=1, kind="stable")[row, :LIST_SIZE]
        best = best_lists(self.world, self.users, self.histories, LIST_SIZE)
        return {
            BEST: self.true_reward(best),
            BEHAVIOUR: self.true_reward(shown + 1),
            LIKELIEST: self.true_reward(likeliest + 1),
        }


def configs(others: bool) -> dict[str, TrainConfig]:
    """The configurations that are compared; `others` adds DDPG and BCQ."""
    usual = ReinforceOptions()
    ways = {
        "beta learnt": replace(usual, propensities="learnt"),
        "K = 1": replace(usual, top_k=1),
        "no importance weights": replace(usual, cap=0.0),
        "no baseline": replace(usual, no_baseline=True),
    }
    found = {FULL: TrainConfig()}
    found |= {f"{FULL}, {name}": TrainConfig(options=options) for name, options in ways.items()}
    if others:
        found["DDPG"] = TrainConfig(algorithm="ddpg", options=DdpgOptions())
        found["BCQ"] = TrainConfig(algorithm="bcq", options=BcqOptions())
    return found


def rewards_in(options: OffPolicySettings, seed: int) -> dict[str, float]:
    """The mean true rewards of all candidates in the world of one seed, by name."""
    torch.set_num_threads(1)  # small networks are faster so, and seeds run concurrently
    case = Case.make(seed, options.events, options.users, options.exploration)
    sizes = Sizes(items=len(case.sequences.items), users=len(case.sequences.users))
    rewards = case.rewards_without_training()
    trainer = case.trainer(TrainConfig())
    start = trainer.start(sizes)
    trainer.pretrain(start)
    rewards[EVENTS] = case.reward_of(start)
    network = copy.deepcopy(start)
    sampler = ItemSampler(trainer.train.actions, sizes.items, 0, trainer.device)
    teacher = Supervised(network, sampler, trainer.config.options.learning_rate)
    trainer.run("policy", teacher, case.lists[0], trainer.config.epochs, case.lists[1])
    rewards[TAKEN] = case.reward_of(network)
    starts = {start.algorithm: start}
    for name, config in configs(options.others).items():
        trainer = case.trainer(config)
        head = trainer.start(sizes)
        if head.algorithm not in starts:
            trainer.pretrain(head)
            starts[head.algorithm] = head
        network, _ = trainer.learn(copy.deepcopy(starts[head.algorithm]))
        rewards[name] = case.reward_of(network)
    for name in (FULL, SINGLE):
        trainer = case.trainer(configs(others=False)[name], validated=False)
        network, _ = trainer.learn(copy.deepcopy(start))
        rewards[f"{name}, {TO_THE_END}"] = case.reward_of(network)
    return rewards


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.off_policy", description=__doc__)
    parser.add_settings(OffPolicySettings)
    options = parser.settings_of(OffPolicySettings, parser.parse_args(argv))
    worlds = [(options, seed) for seed in range(options.seeds)]
    found = over_worlds(rewards_in, worlds, options.workers)
    table = Table("lists of", "true reward", f"{FULL} is better by")
    for name in found[0]:
        rival = f"{FULL}, {TO_THE_END}" if name.endswith(TO_THE_END) else FULL
        gains = [each[rival] - each[name] for each in found]
        gain = "" if name == rival else interval(gains)
        table.add_row(name, interval([each[name] for each in found]), gain)
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)

"""What learning from lists of a biased policy earns, beside that policy and supervised learning.

    python -m benchmarks.off_policy

For each seed: a world of its own, a stream of its users, and the feedback log of a biased policy
that showed them lists with known propensities (`simulation.shown`). All learn from these alone,
with the defaults of `training.train`, from the same pretrained start. What their lists of 8
truly earn is known (`simulation.feedback`) and is measured in states of a second stream, which
nobody has seen. "To the end" is after all epochs, where nothing is held out that could say when
to stop, as in learning that goes on and on. Intervals are of the mean over the seeds (Student's
t); differences are taken seed by seed.
"""

from __future__ import annotations

import copy
import os
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from inference.policy import Policy
from simulation.behaviour import draw_lists, inclusion_probabilities
from simulation.feedback import best_lists
from simulation.model import World
from simulation.options import EXPLORATION, LIST_SIZE
from simulation.shown import show, states
from training.algorithms.reinforce import ReinforceOptions
from training.algorithms.softmax import ItemSampler
from training.algorithms.supervised import Supervised
from training.cli import Parser, at_least, progress_console, run_command, share
from training.datasets.sequences import TRAIN, VALID, Sequences, make_sequences
from training.datasets.shown_lists import ShownLists, as_lists, split_lists
from training.trainer.trainer import TrainConfig, Trainer

EVENTS_A_USER = 1 / 32
"""A second of event time: with 800 users 25 events."""
STATES = 4_000
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5% points of Student's t with 1, 2 .. degrees of freedom."""
BEST = "the best lists there are"
BEHAVIOUR, LIKELIEST = "the biased policy", "its 8 likeliest items"
EVENTS, TAKEN = "supervised, next event", "supervised, items taken"
FULL = "REINFORCE"
SINGLE = f"{FULL}, K = 1"
TO_THE_END = "to the end"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What there is to learn from in one world, and the states to measure in.

    Attributes:
        world: the users and items.
        seed: of world, log and learning.
        exploration: share of the lists that was left to chance.
        sequences: the users' events.
        lists: to learn from, and to validate on.
        users: int64 [n], of the states to measure in.
        histories: int64 [n, 10], of these states.
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
        """A world, its log and its states to measure in, from the seed."""
        world = World.make(seed, users, items)
        rate = users * EVENTS_A_USER
        stream = world.stream(events, rate, seed=1)
        data = make_sequences(stream.user, stream.item, stream.behavior, stream.time)
        log = show(world, stream, seed, exploration)
        columns = log.user, log.history, log.items, log.propensities, log.rewards
        lists = split_lists(as_lists(data, *columns), data, log.time)
        who, _, histories = states(world.stream(events, rate, seed=2))
        at = np.random.default_rng(seed).permutation(len(who))[:STATES]
        return Case(world, seed, exploration, data, lists, who[at], histories[at])

    def course(self, recipe: TrainConfig, validated: bool = True) -> Trainer:
        """The training by a recipe; where it is not validated, to the end."""
        train, valid = (self.sequences.transitions(part) for part in (TRAIN, VALID))
        lists = self.lists
        if not validated:
            valid, lists = valid.take(slice(0)), (lists[0], lists[1].take(slice(0)))
        own = replace(recipe, seed=self.seed)
        return Trainer(own, train, valid, torch.device("cpu"), lists)

    def worth(self, lists: npt.NDArray[np.int64]) -> float:
        """The mean true reward of lists [n, k] of items in the states."""
        return float(self.world.expected_reward(self.users, self.histories, lists).mean())

    def earned_by(self, network: Network) -> float:
        """What the network's lists earn."""
        info = ModelInfo(network.algorithm, "0", network.sizes)
        policy = Policy(network, self.sequences.items, self.sequences.users, info)
        lengths = np.full(len(self.users), self.histories.shape[1])
        return self.worth(policy.rank(self.users, self.histories, lengths, LIST_SIZE).items)

    def earned_by_behaviour(self) -> dict[str, float]:
        """What the biased policy earns, with its exploration and without, and what one could."""
        inclusion = inclusion_probabilities(self.world, LIST_SIZE, self.exploration)
        row = self.world.user_cluster[self.users - 1]
        shown, _ = draw_lists(inclusion, row, LIST_SIZE, np.random.default_rng([self.seed, 4]))
        likeliest = np.argsort(-inclusion, axis=1, kind="stable")[row, :LIST_SIZE]
        best = best_lists(self.world, self.users, self.histories, LIST_SIZE)
        return {
            BEST: self.worth(best),
            BEHAVIOUR: self.worth(shown + 1),
            LIKELIEST: self.worth(likeliest + 1),
        }


def recipes(others: bool) -> dict[str, TrainConfig]:
    """The ways to learn from lists that are compared; `others` for DDPG and BCQ too."""
    usual = ReinforceOptions()
    ways = {
        "beta learnt": replace(usual, propensities="learnt"),
        "K = 1": replace(usual, top_k=1),
        "no importance weights": replace(usual, cap=0.0),
        "no baseline": replace(usual, baseline=False),
    }
    found = {FULL: TrainConfig()}
    found |= {f"{FULL}, {name}": TrainConfig(reinforce=options) for name, options in ways.items()}
    return found | ({"DDPG": TrainConfig("ddpg"), "BCQ": TrainConfig("bcq")} if others else {})


def earned_in(options: Namespace, seed: int) -> dict[str, float]:
    """What the lists of all earn in the world of one seed, by name."""
    torch.set_num_threads(1)  # what is small is faster so, and the seeds share the machine
    case = Case.make(seed, options.events, options.users, options.exploration)
    sizes = Sizes(items=len(case.sequences.items), users=len(case.sequences.users))
    earned = case.earned_by_behaviour()
    course = case.course(TrainConfig())
    start = course.start(sizes)
    course.pretrain(start)
    earned[EVENTS] = case.earned_by(start)
    network = copy.deepcopy(start)
    sampler = ItemSampler(course.train.actions, sizes.items, 0, course.device)
    teacher = Supervised(network, sampler, course.recipe.reinforce.learning_rate)
    course.run("policy", teacher, case.lists[0], course.recipe.epochs)
    earned[TAKEN] = case.earned_by(network)
    starts = {start.algorithm: start}
    for name, recipe in recipes(options.others).items():
        course = case.course(recipe)
        head = course.start(sizes)
        if head.algorithm not in starts:
            course.pretrain(head)
            starts[head.algorithm] = head
        network, _ = course.learn(copy.deepcopy(starts[head.algorithm]))
        earned[name] = case.earned_by(network)
    for name in (FULL, SINGLE):
        course = case.course(recipes(others=False)[name], validated=False)
        network, _ = course.learn(copy.deepcopy(start))
        earned[f"{name}, {TO_THE_END}"] = case.earned_by(network)
    return earned


def interval(values: list[float]) -> str:
    """The mean of some values and half of its 95% interval."""
    mean, n = float(np.mean(values)), len(values)
    half = STUDENT[n - 2] * float(np.std(values, ddof=1)) / n**0.5
    return f"{mean:.3f} ±{half:.3f}"


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = Parser(prog="python -m benchmarks.off_policy", description="Lists of a biased policy.")
    add = parser.add_argument
    add("--others", action="store_true", help="DDPG and BCQ too")
    add("--seeds", type=at_least(2), default=6, help="worlds to learn in")
    add("--events", type=at_least(1_000), default=40_000, help="of each stream")
    add("--users", type=at_least(100), default=400, help="of each world")
    add("--workers", type=at_least(1), default=os.cpu_count(), help="worlds at a time")
    add("--exploration", type=share, default=EXPLORATION, help="share of lists left to chance")
    options = parser.parse_args(argv)
    if options.seeds > len(STUDENT) + 1:
        parser.error(f"--seeds {options.seeds} are more than {len(STUDENT) + 1}")
    with (
        Progress(console=progress_console, transient=True) as progress,
        ProcessPoolExecutor(options.workers, get_context("spawn")) as pool,
    ):
        seeds = progress.track(range(options.seeds), description="worlds learnt in")
        runs = [pool.submit(earned_in, options, seed) for seed in range(options.seeds)]
        found = [runs[seed].result() for seed in seeds]
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

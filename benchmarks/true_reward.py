"""True reward of models' lists in the simulated world of the sample stream.

    python -m benchmarks.true_reward inference/packaged

For users with ten events in a stream that was not used for training: the mean expected reward of
the list of 8 (`simulation.feedback`), with a 95% interval over the users' states. The best lists
without items of the history are the upper bound.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from inference.models.directory import load_policy
from inference.models.files import ModelError
from rivulet.settings import ArgumentParser, option
from simulation.feedback import best_lists, expected_reward
from simulation.model import World
from simulation.options import LIST_SIZE
from training.datasets.sequences import make_sequences

RATE = 25.0


@dataclass(frozen=True)
class RewardSettings:
    """States.

    Attributes:
        states: states to average over.
        seed: seed of the stream and the states.
    """

    states: int = option(4_000, "STATES", least=2)
    seed: int = option(5, "N", least=0)


def main() -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.true_reward", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, help="model directories")
    parser.add_settings(RewardSettings)
    given = parser.parse_args()
    options = parser.settings_of(RewardSettings, given)
    world = World.make(seed=0, users=800)
    events = world.stream(60_000, RATE, seed=options.seed)
    data = make_sequences(events.user, events.item, events.behavior, events.time)
    rng = np.random.default_rng(options.seed)
    full = np.flatnonzero(np.arange(len(data)) - data.start >= 10)
    at = rng.choice(full, min(options.states, len(full)), replace=False)
    histories, lengths = data.raw_histories(at, 10)
    users = data.users.ids[data.user[at]]
    popular = np.argsort(-np.bincount(events.item), kind="stable")[:LIST_SIZE]
    lists = {"popular": np.tile(popular, (len(at), 1))}
    try:
        for directory in given.models:
            ranking = load_policy(directory).rank(users, histories, lengths, LIST_SIZE)
            lists[str(directory)] = ranking.items
    except ModelError as error:
        print(f"python -m benchmarks.true_reward: {error}", file=sys.stderr)
        return 2
    lists["the best lists"] = best_lists(world, users, histories, LIST_SIZE)
    table = Table("lists of", "true expected reward", "95% interval, +-")
    for name, items in lists.items():
        reward = expected_reward(world, users, histories, items)
        half = 1.96 * float(reward.std()) / len(reward) ** 0.5
        table.add_row(name, f"{reward.mean():.4f}", f"{half:.4f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

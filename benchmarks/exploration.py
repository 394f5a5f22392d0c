"""What exploration costs a ranking time: ranking, draws and fill for the users of one T.

    python -m benchmarks.exploration [--users 20000] [--explore_users 0.05]

The packaged model ranks for users with ten items each, as a work unit of the job does. The rewards,
the histories and the stores take the same time with and without exploration and are not included,
so that the shares of a whole T are smaller. CPU seconds, the best of several calls.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings
from inference import packaged_model
from inference.exploration.explore import explore
from inference.exploration.names import EPSILON, SOFTMAX
from inference.exploration.rules import Exploration
from inference.handler import Example, PolicyHandler
from inference.models.choices import parse_models
from inference.models.registry import RegistrySource
from rivulet.settings import option
from transforms.fill import fill
from transforms.messages.events import EventBatch
from transforms.messages.ranking import LAST_USER, RankingRequest, States, WorkUnit

SIZE = 8


@dataclass(frozen=True)
class ExplorationBenchmarkSettings:
    """Benchmark.

    Attributes:
        users: users of the ranking time.
        explore_users: share of the users whose lists explore.
        times: calls of each measurement, of which the fastest counts.
    """

    users: int = option(20_000, "N", least=1)
    explore_users: float = option(0.05, "SHARE", above=0, most=1)
    times: int = option(15, "N", least=1)


def request_of(users: int, items: np.ndarray) -> RankingRequest:
    """A ranking request of users with ten of the items each, at one ranking time."""
    rng = np.random.default_rng(1)
    states = States(np.arange(users), rng.choice(items, (users, 10)), np.full(users, 10))
    none = np.zeros(0, np.int64)
    return RankingRequest(
        states.user, np.full(users, 20), np.arange(users), states, np.arange(users),
        np.full(users, -1), np.zeros((0, 17), np.int64), none,
        WorkUnit(0, 20, LAST_USER, EventBatch.empty()),
    )  # fmt: skip


def main() -> None:
    """Measures and prints the table."""
    chosen = read_settings("exploration", __doc__, ExplorationBenchmarkSettings)
    source = RegistrySource(parse_models([str(packaged_model())]))
    items = source.load().models[0].policy().item_ids.ids
    request = request_of(chosen.users, items)
    cases = {
        "none": None,
        "epsilon:0.25": Exploration(EPSILON, 0.25, chosen.explore_users),
        "softmax:0.05": Exploration(SOFTMAX, 0.05, chosen.explore_users),
    }
    table = Table(title=f"CPU seconds for {chosen.users:,} users, the best of {chosen.times}")
    for name in ("--explore", "rank", "draw", "fill", "sum", "beside none"):
        table.add_column(name, justify="left" if name == "--explore" else "right")
    handlers = {name: PolicyHandler(source, SIZE, False, case) for name, case in cases.items()}
    models = {name: handler.load_model() for name, handler in handlers.items()}
    best = {name: np.full(3, np.inf) for name in cases}
    for _ in range(chosen.times):
        for name, case in cases.items():
            marks = [time.process_time()]
            (result,) = handlers[name].run_inference([Example(request.states)], models[name])
            marks.append(time.process_time())
            drawn = request, result.inference
            if case is not None:
                drawn = explore(*drawn, SIZE, case)
            marks.append(time.process_time())
            fill(*drawn, SIZE, repeat_consumed=False, keep_history=True)
            marks.append(time.process_time())
            best[name] = np.minimum(best[name], np.diff(marks))
    for name, seconds in best.items():
        ratio = seconds.sum() / best["none"].sum() - 1
        table.add_row(name, *(f"{s:.3f}" for s in (*seconds, seconds.sum())), f"{ratio:+.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()

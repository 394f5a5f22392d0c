"""Speed and recall of ranking.

    python -m benchmarks.ranking

- The packaged model with 1,000 items: states a second in the batches of a stream.
- 100,000 items for 100 users, as in an API request, and a million items for 1,000 users: with
  random vectors, and with vectors similar to trained ones (the packaged model's, repeated, with
  noise of 0.3 of their standard deviation, and queries of its encoder). Recall is measured against
  a sort of all scores. PyTorch's matrix product of floats with topk is measured for comparison.
- The other encoder and the other heads, untrained, with 1,000 items.

Times are the best of several calls. CPU time is the sum over threads.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.options import read_settings
from inference import packaged_model
from inference.models.directory import load_network
from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import ITEM_TABLE, Network
from inference.network.sizes import Sizes
from inference.policy import Int64s, Policy
from inference.search.quantize import quantize_items, quantize_queries
from rivulet.settings import option

Columns = tuple[Int64s, Int64s, Int64s]

K = 8
CHECKED_USERS = 50
"""Users whose lists are compared with a sort of all scores."""
BLOCK_ITEMS = 1 << 16


@dataclass(frozen=True)
class RankingBenchmarkSettings:
    """Benchmark.

    Attributes:
        states: states for the packaged model.
        times: calls of each measurement, of which the fastest counts.
    """

    states: int = option(100_000, "N", least=1)
    times: int = option(7, "N", least=1)


def best_of(work: Callable[[], object], times: int) -> tuple[float, float]:
    """The smallest wall and CPU seconds of a call."""
    work()
    wall = cpu = float("inf")
    for _ in range(times):
        started, started_cpu = time.perf_counter(), time.process_time()
        work()
        wall = min(wall, time.perf_counter() - started)
        cpu = min(cpu, time.process_time() - started_cpu)
    return wall, cpu


def similar_to_packaged(items: int, noise: float) -> Network:
    """The packaged network with `items` items, which are copies of its own with noise."""
    packaged, *_ = load_network(packaged_model())
    known = packaged.sizes.items
    network = Network(
        packaged.algorithm, dataclasses.replace(packaged.sizes, items=items)
    ).requires_grad_(False)
    state = packaged.state_dict()
    copied = torch.randint(0, known, (items + 1,))
    for name in (ITEM_TABLE, "bias"):
        values = state[name][copied]
        state[name] = values + noise * state[name][:known].std(0) * torch.randn(values.shape)
    network.load_state_dict(state)
    return network


def untrained(algorithm: str, items: int, **sizes: object) -> Network:
    """A network with random weights."""
    shape = dataclasses.replace(Sizes(items=items, users=1000), **sizes)  # type: ignore[arg-type]
    return Network(algorithm, shape).requires_grad_(False)


def policy_of(network: Network) -> Policy:
    """A policy whose raw ids are 0, 1, ..."""
    sizes = network.sizes
    info = ModelInfo(network.algorithm, "bench", sizes)
    return Policy(network, IdMap(np.arange(sizes.items)), IdMap(np.arange(sizes.users)), info)


def columns_for(policy: Policy, rows: int) -> Columns:
    """Users, histories of ten items, and their lengths."""
    rng = np.random.default_rng(0)
    users = rng.choice(policy.user_ids.ids, rows)
    return users, rng.choice(policy.item_ids.ids, (rows, 10)), np.full(rows, 10)


def all_scores(queries: Tensor, vectors: Tensor) -> Tensor:
    """The best items by PyTorch's matrix product and topk, in blocks of items."""
    parts = []
    for start in range(0, len(vectors), BLOCK_ITEMS):
        best = torch.topk(queries @ vectors[start : start + BLOCK_ITEMS].T, K, dim=1)
        parts.append((best.values, best.indices + start))
    values, rows = (torch.cat(columns, dim=1) for columns in zip(*parts, strict=True))
    return rows.gather(1, torch.topk(values, K, dim=1).indices)


def recall(policy: Policy, network: Network, rows: Columns) -> float:
    """The share of the true best items that the policy finds, for a few users."""
    users, histories, lengths = (column[:CHECKED_USERS] for column in rows)
    ranked = policy.rank(users, histories, lengths, K).items
    states = policy.states(users, histories, lengths).float()
    scores = network.head(states).double() @ network.vectors()[:-1].double().T
    scores.scatter_(1, torch.from_numpy(policy.item_ids.rows(histories)), -torch.inf)
    true = policy.item_ids.ids[scores.topk(K, dim=1).indices.numpy()]
    found = (ranked[:, :, None] == true[:, None]).any(axis=2)
    return float(found.mean())


def main() -> None:
    """Measures and prints the table."""
    options = read_settings("ranking", __doc__, RankingBenchmarkSettings)
    torch.manual_seed(0)
    table = Table(title=f"Top {K}, {torch.get_num_threads()} threads")
    for name in ("case", "rows", "ms", "CPU ms", "rows a second", f"recall at {K}"):
        table.add_column(name, justify="left" if name == "case" else "right")

    def measure(what: str, rows: int, work: Callable[[], object], good: str = "") -> None:
        wall, cpu = best_of(work, options.times)
        table.add_row(
            what,
            f"{rows:,}",
            f"{wall * 1000:.1f}",
            f"{cpu * 1000:.1f}",
            f"{rows / wall:,.0f}",
            good,
        )

    network, items, users, info = load_network(packaged_model())
    policy = Policy(network, items, users, info)
    given = columns_for(policy, options.states)
    measure("packaged model, 1,000 items", options.states, lambda: policy.rank(*given, K))
    for name, count, rows in (("100,000 items", 100_000, 100), ("a million items", 10**6, 1000)):
        for kind, network in (
            (f"{name}, random vectors", untrained("reinforce", count)),
            (f"{name}, similar to trained", similar_to_packaged(count, 0.3)),
        ):
            policy = policy_of(network)
            given = columns_for(policy, rows)
            good = f"{recall(policy, network, given):.4f}"
            measure(kind, rows, lambda: policy.rank(*given, K), good)  # noqa: B023
        vectors = quantize_items(network.vectors())
        queries = quantize_queries(network.head(policy.states(*given).float()).double())
        measure(f"{name}, floats and topk", rows, lambda: all_scores(queries, vectors))  # noqa: B023
    for algorithm, encoder in (("reinforce", "gru"), ("ddpg", "attention"), ("bcq", "attention")):
        policy = policy_of(untrained(algorithm, 1000, encoder=encoder))
        given = columns_for(policy, 20_000)
        what = f"{algorithm}, {encoder}, 1,000 items"
        measure(what, 20_000, lambda: policy.rank(*given, K))  # noqa: B023
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

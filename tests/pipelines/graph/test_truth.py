"""Figures by policy are in the order of what the simulated users' lists truly earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipelines.respond.lists import Newest
from pipelines.respond.outputs import CsvFile
from pipelines.respond.run import EVENTS_HEADER, IMPRESSIONS_HEADER, respond
from simulation.effects import Effects
from simulation.latents import Int64s
from simulation.model import World
from simulation.responsive import ResponsiveWorld
from tests import graph
from transforms.messages.ranked_lists import RankedLists

WORLD = World.make(seed=2, users=120, items=150, clusters=4)
SCORES = WORLD.user_taste @ WORLD.item_vector.T
SIZE = 6


def lists_of(users: Int64s) -> Int64s:
    """Users with even ids get what they like most, the others what they like least."""
    sign = np.where(users % 2 == 0, -1, 1)[:, None]
    return np.argsort(sign * SCORES[users - 1], axis=1, kind="stable")[:, :SIZE] + 1


@dataclass(frozen=True)
class TwoModels:
    """Gives itself as the models."""

    def load(self) -> "TwoModels":
        return self

    def rank(self, users: Int64s, *_: object, **__: object) -> RankedLists:
        n = len(users)
        ranked = RankedLists.deterministic(lists_of(users), np.full(n, SIZE), b"good-1")
        ranked.policy[users % 2 == 1] = b"poor-1"
        return ranked


class Shown:
    """The lists of the two models, as old as the moment."""

    def newest(self, users: Sequence[int], now: int) -> list[Newest | None]:
        return [(now, row) for row in lists_of(np.array(users)).tolist()]

    def close(self) -> None: ...


def test_the_better_model_has_the_better_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = ResponsiveWorld(WORLD, Effects(attention=0.9), 8_000, 2.0)
    truth: dict[str, list[float]] = {"good-1": [], "poor-1": []}
    show = world.show

    def kept(users: Int64s, times: Int64s, lists: Int64s) -> object:
        got = show(users, times, lists)
        for user, seen, earned in zip(users, got.seen, got.rewards.sum(axis=1), strict=True):
            if seen:
                truth["poor-1" if user % 2 else "good-1"].append(float(earned))
        return got

    monkeypatch.setattr(world, "show", kept)
    events = CsvFile(str(tmp_path / "events.csv"), EVENTS_HEADER)
    seen = CsvFile(str(tmp_path / "seen.csv"), IMPRESSIONS_HEADER)
    respond(world, Shown(), events, seen, SIZE, 60)
    events.close(complete=True)
    seen.close(complete=True)
    monkeypatch.setattr(graph, "FakeSource", TwoModels)
    found = graph.run_job(
        tmp_path, f"--input={tmp_path / 'events.csv'}", f"--impressions={tmp_path / 'seen.csv'}",
        "--min_history=0", "--repeat_consumed", "--exclude_bought=0", f"--recommendations={SIZE}",
        "--reward_window=20",
    )  # fmt: skip
    sums = {name: np.zeros(3) for name in truth}
    for (policy, _), row in found.minutes.items():
        if policy in sums:
            sums[policy] += row
    lists, hits, rewards = np.array([sums["good-1"], sums["poor-1"]]).T
    true = [np.mean(truth[name]) for name in ("good-1", "poor-1")]
    assert true[0] > true[1] + 0.5
    assert rewards[0] / lists[0] > rewards[1] / lists[1] + 0.5
    assert hits[0] / lists[0] > hits[1] / lists[1]
    # Each list that was seen counts once, unless the job had no list for the user then.
    assert (lists > 0.7 * np.array([len(truth["good-1"]), len(truth["poor-1"])])).all()
    assert (lists <= [len(truth["good-1"]), len(truth["poor-1"])]).all()

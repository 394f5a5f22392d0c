"""A version that harms is rolled back within an hour of event time; one that does not gets all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.models.current import current_directory, current_stages
from inference.models.stages import Stage, stage_of, to_text
from simulation.effects import Effects
from simulation.latents import Int64s
from simulation.model import World
from simulation.options import DEFAULT_START
from simulation.responsive import ResponsiveWorld, play
from simulation.shown import write_feedback
from training.promotion.decisions import read_decisions, recover
from training.promotion.options import LoopSettings
from training.promotion.rollout import LOOK, Rewards, began, compare, is_shared, watch
from transforms.messages.feedback import Feedback

WORLD = World.make(seed=1, users=300, items=200, clusters=4)
PERIOD = 20
Lists = Callable[[Int64s], Int64s]


def ranked(sign: int) -> Lists:
    """The items that users like most (1) or least (-1)."""
    scores = WORLD.user_taste @ WORLD.item_vector.T
    best = np.argsort(-sign * scores, axis=1, kind="stable")[:, :8] + 1
    return lambda users: best[users - 1]


class Shop:
    """A job in the world that answers: it follows CURRENT by event time, and writes the log."""

    def __init__(self, folder: Path, versions: dict[str, Lists]) -> None:
        self.models, self.log, self.versions = folder / "models", folder / "log", versions
        self.models.mkdir()
        self.world = ResponsiveWorld(WORLD, Effects(attention=0.8), 60_000, 5.0)
        self.now = DEFAULT_START // LOOK * LOOK
        (self.models / "CURRENT").write_text("old\n")

    def show(self, users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
        del histories
        stages = current_stages(self.models)
        lists = np.zeros((len(users), 8), np.int64)
        for number in np.unique(of := stage_of(stages, times)).tolist():
            rows = np.flatnonzero(of == number)
            stage = stages[number]
            version = stage.version_of(users[rows])
            for place, (name, _) in enumerate(stage.shares):
                own = rows[version == place]
                lists[own] = self.versions[name](users[own])
        return lists

    def run(self, seconds: int) -> None:
        """Goes on; what was seen is in the log as soon as it is over."""
        self.now += seconds
        got = play(self.world, self.show, self.now)
        rows = np.flatnonzero(got.seen)
        n, k = len(rows), got.lists.shape[1]
        feedback = Feedback(
            user=got.users[rows], time=got.times[rows], items=got.lists[rows],
            length=np.full(n, k), propensities=np.ones((n, k), np.float32),
            policy=np.full(n, b"reinforce-1", "S64"), history=got.histories[rows],
            history_length=np.full(n, 10), rewards=got.rewards[rows],
            plain_rewards=np.zeros((n, 0), np.float32),
        )  # fmt: skip
        write_feedback(self.log / f"{self.now}", feedback, PERIOD)


def settings(shop: Shop) -> LoopSettings:
    return LoopSettings(shop.log, shop.models, canary=0.2, stage=1800, lead=600)


def begin(shop: Shop) -> LoopSettings:
    """A candidate that passed the gate gets its first share."""
    chosen = settings(shop)
    shop.run(LOOK)
    current = began(chosen, "new", "old", shop.now)
    (shop.models / "CURRENT").write_text(current)
    assert is_shared(chosen)
    assert current_directory(shop.models).name == "old"
    return chosen


def test_a_bad_version_is_rolled_back_within_an_hour_of_its_first_list(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {"old": ranked(1), "new": ranked(-1)})
    chosen = begin(shop)
    since = current_stages(shop.models)[-1].since
    while (decision := watch(chosen)) is None:
        shop.run(LOOK)
        assert shop.now < since + 3600
    assert (decision.action, decision.version, decision.candidate) == ("rollback", "old", "new")
    assert decision.figures["difference"]["high"] < 0
    assert "worse than old" in decision.reason
    stages = current_stages(shop.models)
    assert stages[-1].shares == (("old", 1.0),)
    assert shop.now <= stages[-1].since <= since + 3600
    assert not is_shared(chosen)
    assert watch(chosen) is None
    # The same log gives the same decision, and a repeated one changes nothing.
    recover(shop.models)
    assert read_decisions(shop.models) == [decision]
    (shop.models / "CURRENT").write_text(to_text(stages[:-1]))
    (shop.models / "decisions.jsonl").unlink()
    assert watch(chosen) == decision


def test_a_version_that_does_no_harm_gets_half_of_the_users_and_then_all(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {"old": ranked(-1), "new": ranked(1)})
    chosen = begin(shop)
    while is_shared(chosen):
        shop.run(LOOK)
        watch(chosen)
    ramp, promotion = read_decisions(shop.models)
    assert (ramp.action, ramp.version, ramp.figures["share"]) == ("ramp", "old", 0.2)
    assert (promotion.action, promotion.version, promotion.figures["share"]) == (
        "promote", "new", 0.5,
    )  # fmt: skip
    begins = [stage.since for stage in current_stages(shop.models)]
    assert begins == sorted(begins)
    assert all(np.diff(begins[1:]) >= chosen.stage)
    assert current_directory(shop.models).name == "new"


def test_without_a_canary_all_users_get_it_at_once(tmp_path: Path) -> None:
    chosen = LoopSettings(tmp_path / "log", tmp_path)
    assert began(chosen, "new", "old", 1000) == ""
    assert list(LoopSettings(tmp_path, tmp_path, stage=60).problems()) == [
        "--stage and --lead have no effect without --canary"
    ]


def test_the_comparison_is_of_sums_a_user_up_to_each_look() -> None:
    rng = np.random.default_rng(0)
    stage = Stage(600, (("a", 0.5), ("b", 0.5)), "b")
    user, time = rng.integers(0, 200, 3000), rng.integers(600, 600 + 4 * LOOK, 3000)
    reward = rng.integers(0, 4, 3000).astype(float)
    got = compare(Rewards(user, time, reward, 0), stage, 600 + 3 * LOOK, 0.05)
    version = stage.version_of(np.arange(200))
    for number in range(3):
        until = 600 + (number + 1) * LOOK
        sums: dict[int, float] = {}
        for who, at, earned in zip(user.tolist(), time.tolist(), reward.tolist(), strict=True):
            if at < until:
                sums[who] = sums.get(who, 0.0) + earned
        means = [np.mean([sums[who] for who in sums if version[who] == arm]) for arm in (0, 1)]
        assert got.value[number] == pytest.approx(means[1] - means[0])
        assert got.low[number] < got.value[number] < got.high[number]

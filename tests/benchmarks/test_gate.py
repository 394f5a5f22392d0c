"""The benchmarks of the gate and of A/A tests, in small."""

import numpy as np
import pytest

from benchmarks import gate
from benchmarks.aa import Users
from benchmarks.gate import GateSettings, candidates_of, judged, share


@pytest.mark.slow
def test_candidates_have_the_reward_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "USERS", 300)
    monkeypatch.setattr(gate, "EVENTS", 6_000)
    candidates_of.cache_clear()
    material = candidates_of()
    used = np.broadcast_to(np.arange(gate.SIZE), (len(material.pool.user), gate.SIZE))
    for effect in (-0.05, 0.05):
        wanted = (1 + effect) * material.value(used)
        places = material.near(wanted, np.random.default_rng(3))
        assert material.value(places) == pytest.approx(wanted, rel=0.005)
        assert (np.diff(np.sort(places, axis=1), axis=1) > 0).all()
    found = judged(GateSettings(lists=3_000), 0)
    assert found[gate.WORSE] is False
    assert found == judged(GateSettings(lists=3_000), 0)
    candidates_of.cache_clear()


def test_shares_have_intervals() -> None:
    assert share(0, 100) == "0 of 100 (0.0% to 3.6%)"
    assert share(50, 100) == "50 of 100 (39.8% to 60.2%)"
    assert share(100, 100) == "100 of 100 (96.4% to 100.0%)"


def test_arms_of_the_same_users_rarely_give_an_alarm() -> None:
    users = Users.simulated(400, 12_000)
    assert (np.diff(users.reward, axis=0) >= 0).all()
    assert users.present[-1].all()
    assert users.reward[-1].sum() > 0
    assert sum(users.alarm(seed) for seed in range(100)) <= 10

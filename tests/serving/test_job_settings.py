"""What a job was started with is read from its stores, not assumed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.models.directory import load_policy
from tests.serving.in_process import application
from tests.serving.tables import END, Rows, fill, sample

HEAVY = 30_000


def outcomes(folder: Path, rows: Rows) -> tuple[object, object]:
    """The reward window and the outcomes of user 1's latest list."""
    url = f"sqlite:///{folder}/rivulet.db"
    fill(url, rows)
    with application(url) as client:
        answer = client.get("/users/1/recommendations?outcomes=true").json()
        return answer["reward_window"], answer["recommendations"][0]["outcomes"]


@pytest.mark.parametrize("window", [20, 31, 600, 601])
def test_outcomes_are_those_within_the_jobs_reward_window(tmp_path: Path, window: int) -> None:
    rows = replace(sample(), job=[(1_700_000_200_000, {"reward_window": window})])
    said, found = outcomes(tmp_path, rows)
    assert said == window
    events = {item: time - END for _, item, _, time in rows.record if time >= END}
    assert {one["item"] for one in found} == {
        item for item, after in events.items() if min(after, 5 if item == 21 else after) < window
    }


def test_an_event_after_the_reward_window_is_no_outcome(tmp_path: Path) -> None:
    """A job with --reward_window 60, and a purchase 300 s after the list."""
    rows = Rows(
        record=[(1, 21, "buy", END + 300)],
        recommendation=[(1, END, [21, 22], "reinforce-1", [1.0, 1.0], -1)],
        job=[(1_700_000_200_000, {"reward_window": 60})],
    )
    assert outcomes(tmp_path, rows) == (60, [])


@pytest.mark.parametrize(
    "job",
    [
        [],
        [(1_700_000_200_000, {"history_size": 10})],
        [(1_700_000_200_000, {"reward_window": -5})],
        [(1_700_000_200_000, {"reward_window": "600"})],
        [(1_700_000_200_000, {"reward_window": 10**18})],
        [(1_700_000_200_000, [600])],
    ],
)
def test_without_the_jobs_reward_window_outcomes_are_unknown(tmp_path: Path, job: list) -> None:
    assert outcomes(tmp_path, replace(sample(), job=job)) == (None, None)


def test_outcomes_of_a_user_with_too_many_events_are_unknown_not_wrong(tmp_path: Path) -> None:
    rows = replace(
        sample(),
        record=[(1, 1000 + n, "pv", END - 60 + n // 1000) for n in range(HEAVY)]
        + [(1, 21, "buy", END + 300), (1, 31, "pv", END - 60)],
        job=[(1_700_000_200_000, {"reward_window": 600})],
    )
    assert outcomes(tmp_path, rows) == (600, None)


@pytest.mark.parametrize("size", [3, 10, 20])
def test_a_history_is_as_long_as_the_jobs(
    tmp_path: Path, model_dirs: list[Path], size: int
) -> None:
    """The list is the job's: no item of its history, though the network reads fewer items."""
    url = f"sqlite:///{tmp_path}/rivulet.db"
    fill(url, replace(sample(), job=[(1_700_000_200_000, {"history_size": size})]))
    policy = load_policy(model_dirs[0])
    random = np.random.default_rng(2)
    known = policy.item_ids.ids
    histories = [random.permutation(known)[:25] for _ in range(20)]
    users = list(range(98, 118))
    with application(url, model=(str(model_dirs[0]),)) as client:
        given = {"user": users, "item": [one.tolist() for one in histories], "n_rec": 8}
        answer = client.post("/reinforce", json=given).json()
    last = np.array([history[-size:] for history in histories])
    expected = policy.rank(np.array(users), last, np.full(20, size), 8)
    for row, items in enumerate(answer["items"]):
        assert items == expected.items[row, : expected.length[row]].tolist()
        assert not set(items) & set(last[row].tolist())

"""The histories of a hundred users through the job and through the API: equal lists."""

import json
import sqlite3
from pathlib import Path

import httpx
import numpy as np
import pytest

from pipelines.recommend import main
from simulation.live import COLUMNS, Flaws, LiveClicks
from simulation.model import World
from tests.serving.running import serving

START = 1_767_603_600
UNKNOWN_USER, UNKNOWN_ITEM = 10**12, 10**15
USERS = 100


def stream(path: Path) -> None:
    """Clicks of the packaged model's world, among them a user and items that it does not know."""
    lines = LiveClicks(World.make(0, 500), 12, START, Flaws(late=0), seed=4).until(START + 600)
    lines += [b"%d,%d,pv,%d" % (UNKNOWN_USER, n + 1, START + 30 * n) for n in range(19)]
    lines += [b"%d,%d,pv,%d" % (n, UNKNOWN_ITEM + n, START + 500) for n in range(1, 200)]
    path.write_bytes(b"\n".join([",".join(COLUMNS).encode(), *lines]))


def shown(db: sqlite3.Connection) -> dict[int, tuple[int, list[int], list[float], str]]:
    """The policy's latest list of each user."""
    rows = db.execute(
        "SELECT user, time, items, propensities, policy FROM recommendation "
        "WHERE policy != 'popular' ORDER BY time"
    )
    return {row[0]: (row[1], json.loads(row[2]), json.loads(row[3]), row[4]) for row in rows}


def history(db: sqlite3.Connection, user: int, before: int) -> list[int]:
    """The items of all of the user's events before a moment, the oldest first."""
    rows = db.execute(
        "SELECT item FROM record WHERE user = ? AND time < ? ORDER BY time, item", (user, before)
    )
    return [row[0] for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("history_size", [10, 20])
def test_stream_and_api_give_the_same_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history_size: int
) -> None:
    """Also with a history that is longer than what the model reads: no list has an item of it."""
    monkeypatch.chdir(tmp_path)
    stream(tmp_path / "clicks.csv")
    # The API gets histories and no purchases. Too many items are unknown for the default limit.
    rules = ("--exclude_bought=0", "--min_known=0")
    assert main(["--input=clicks.csv", f"--history_size={history_size}", *rules]) == 0
    with sqlite3.connect("rivulet.db") as db:
        lists = shown(db)
        users = [UNKNOWN_USER, *sorted(lists.keys() - {UNKNOWN_USER})][:USERS]
        histories = [history(db, user, lists[user][0]) for user in users]
    assert len(users) == USERS
    assert sum(max(items) >= UNKNOWN_ITEM for items in histories) > 10
    alone = np.random.default_rng(0).permutation(USERS)[:10]
    with serving(tmp_path) as address, httpx.Client(base_url=address, timeout=60) as client:
        answers = client.post("/reinforce", json={"user": users, "item": histories}).json()
        singly = [
            client.post("/reinforce", json={"user": [users[n]], "item": [histories[n]]}).json()
            for n in alone
        ]
        by_request = [
            client.get(f"/users/{user}/recommendations?fresh=1").json()["recommendations"][0]
            for user in users[:20]
        ]
        visit = client.post("/session", json={"item": histories[0]}).json()
    # Ranked now from the stored history; the first user is one whom the model does not know.
    assert [(made["items"], made["propensities"], made["policy"]) for made in by_request] == [
        lists[user][1:] for user in users[:20]
    ]
    assert (visit["items"], visit["propensities"], visit["policy"]) == lists[UNKNOWN_USER][1:]
    given = list(zip(answers["items"], answers["propensities"], strict=True))
    assert given == [lists[user][1:3] for user in users]
    for items, history_of_user in zip(answers["items"], histories, strict=True):
        assert not set(items) & set(history_of_user[-history_size:])
    assert {lists[user][3] for user in users} == {answers["policy"]}
    assert [(one["items"][0], one["propensities"][0]) for one in singly] == [
        given[n] for n in alone
    ]

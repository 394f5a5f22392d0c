"""RecommendUsers in a pipeline of one's own gives what the oracle says."""

import json
import random
import sqlite3
from pathlib import Path

import apache_beam as beam
from apache_beam.testing.util import assert_that

from rivulet import (
    InputSettings,
    PopularSettings,
    ReadEvents,
    RecommendConfig,
    RecommendSettings,
    RecommendUsers,
    WriteTo,
    open_source,
)
from tests.fakes import FakeSource, ranked_items
from tests.oracle import rules
from tests.oracle.events import BEHAVIORS, Event
from transforms.messages.recommendations import Recommendations

CONFIG = RecommendConfig(
    popular=PopularSettings(popular_window=240, popular_period=80, popular_size=5),
    recommend=RecommendSettings(history_size=4, min_history=2, recommendations=3),
    reward_window=100,
    shards=3,
    bounded=True,
)


def write_clicks(path: Path) -> list[Event]:
    rng = random.Random(3)
    events = [
        Event(1_000_000 + rng.randrange(900), rng.randrange(8), rng.randrange(4),
              rng.choice(BEHAVIORS))
        for _ in range(150)
    ]  # fmt: skip
    lines = [f"{e.user},{e.item},{e.behavior},{e.time}" for e in events]
    path.write_text("user,item,behavior,time\n" + "\n".join(lines) + "\n")
    return events


def test_a_pipeline_of_ones_own(tmp_path: Path) -> None:
    path, store = tmp_path / "clicks.csv", tmp_path / "mine.db"
    events = write_clicks(path)
    rankings = rules.popular(events, 240, 80, 5)
    shown = rules.recommendations(
        events,
        lambda user, history: ranked_items(user, history, 3),
        rankings,
        window=60,
        period=20,
        history_size=4,
        min_history=2,
        count=3,
    )

    def check(frames: list[Recommendations]) -> None:
        users = [user for frame in frames for user in frame.user.tolist()]
        assert sorted(users) == sorted(user for user, _ in shown)

    with beam.Pipeline() as pipeline:
        read = pipeline | ReadEvents(InputSettings(input=str(path)))
        found = read.events | RecommendUsers(CONFIG, FakeSource())
        _ = found.recommendations | WriteTo(open_source(f"sqlite:///{store}"), Recommendations)
        assert_that(found.recommendations, check)
    assert read_recommendations(store) == {key: row.items for key, row in shown.items()}


def read_recommendations(store: Path) -> dict[tuple[int, int], list[int]]:
    with sqlite3.connect(store) as db:
        rows = db.execute("SELECT user, time, items FROM recommendation").fetchall()
    return {(user, time): json.loads(items) for user, time, items in rows}


def test_panes_divide_every_window_of_a_stream() -> None:
    stream = RecommendConfig(popular=PopularSettings(popular_window=240), bounded=False)
    assert stream.pane == 20
    for span in (240, 80, 60, 20, 600):
        assert span % stream.pane == 0

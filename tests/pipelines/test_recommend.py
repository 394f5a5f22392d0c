"""The main job against the oracle: any order, any shards, any windows, duplicates and all."""

import dataclasses
import random
import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inference.recommend import Recommend, Recommended
from pipelines.flink.options import FlinkSettings
from pipelines.recommend import JOB, main
from tests.fakes import LABEL, FakeSource, ranked_items
from tests.graph import Tables, run_job
from tests.oracle import rules
from tests.oracle.events import BEHAVIORS, Event
from transforms.feedback.reward_recommendations import RewardRecommendations
from transforms.feedback.rules import RewardRules
from transforms.histories.keep_histories import Histories
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.events import BEHAVIORS as NAMES
from transforms.messages.events import EventBatch
from transforms.messages.ranking import RankedBatch
from transforms.windows.panes import ClosePanes
from transforms.windows.popular import PopularItems

EVENTS = st.lists(
    st.builds(
        Event,
        st.one_of(st.integers(1_000_000, 1_000_400), st.integers(1_000_000, 1_009_000)),
        st.integers(0, 12),
        st.integers(0, 3),
        st.sampled_from(BEHAVIORS),
    ),
    max_size=120,
)
SETTINGS = st.fixed_dictionaries(
    {
        "popular_window": st.sampled_from([60, 90, 600]),
        "popular_period": st.sampled_from([20, 45, 60]),
        "popular_size": st.integers(1, 10),
        "recommend_window": st.sampled_from([7, 20, 50, 60]),
        "recommend_period": st.sampled_from([5, 20, 30]),
        "history_size": st.integers(2, 10),
        "min_history": st.integers(0, 2),
        "reward_window": st.sampled_from([5, 60, 95]),
        "recommendations": st.integers(1, 8),
        "shards": st.integers(1, 5),
        "exclude_bought": st.sampled_from([0, 45, 100_000]),
    }
)


def expected(events: list[Event], values: dict[str, int], repeat: bool) -> tuple[dict, dict, dict]:
    rankings = rules.popular(
        events, values["popular_window"], values["popular_period"], values["popular_size"]
    )
    shown = rules.recommendations(
        events,
        lambda user, history: ranked_items(user, history, values["recommendations"], repeat),
        rankings,
        window=values["recommend_window"],
        period=values["recommend_period"],
        history_size=values["history_size"],
        min_history=values["min_history"],
        count=values["recommendations"],
        repeat_consumed=repeat,
        exclude_bought=values["exclude_bought"],
    )
    minutes: dict[tuple[str, int], tuple[int, int, float]] = {}
    for (user, at), earned in rules.rewards(events, shown, values["reward_window"]).items():
        policy = LABEL.decode() if shown[user, at].by_policy else "popular"
        n, hits, reward = minutes.get((policy, at // 60 * 60), (0, 0, 0.0))
        minutes[policy, at // 60 * 60] = n + 1, hits + any(earned), reward + sum(earned)
    return rankings, shown, minutes


# Shrinking a failure would take minutes: a pipeline a step.
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(EVENTS, SETTINGS, st.booleans(), st.randoms(use_true_random=False))
@pytest.mark.slow
def test_any_order_any_shards_any_windows_give_the_oracles_tables(
    events: list[Event], values: dict[str, int], repeat: bool, shuffle: random.Random
) -> None:
    delivered = [*events, *events[::3]]
    shuffle.shuffle(delivered)
    flags = [f"--{name}={value}" for name, value in values.items()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clicks.csv"
        lines = [f"{e.user},{e.item},{e.behavior},{e.time}\n" for e in delivered]
        path.write_text("user,item,behavior,time\n" + "".join(lines))
        tables = run_job(
            Path(folder), f"--input={path}", *flags, *(["--repeat_consumed"] if repeat else [])
        )
    check(tables, events, values, repeat)
    assert tables.summary.get("duplicates") == len(delivered) - len(set(events))


def check(tables: Tables, events: list[Event], values: dict[str, int], repeat: bool) -> None:
    rankings, shown, minutes = expected(events, values, repeat)
    assert sorted(tables.records) == sorted({(e.user, e.item, e.behavior, e.time) for e in events})
    assert tables.popular == rankings
    assert {
        key: (items, policy != "popular", last_reward)
        for key, (items, policy, _, last_reward) in tables.recommendations.items()
    } == {key: (row.items, row.by_policy, row.last_reward) for key, row in shown.items()}
    assert tables.minutes == minutes
    traffic = Counter((e.time // 60 * 60, e.behavior) for e in set(events))
    assert tables.traffic == {
        minute: tuple(traffic[minute, behavior] for behavior in BEHAVIORS) for minute, _ in traffic
    }


def batch(events: list[Event]) -> EventBatch:
    import numpy as np

    return EventBatch(
        np.array([e.user for e in events], np.int64),
        np.array([e.item for e in events], np.int64),
        np.array([NAMES.index(e.behavior) for e in events], np.int8),
        np.array([e.time for e in events], np.int64),
    )


def collect(rows: list) -> list:
    return [tuple(column.tolist() for column in frame.columns()) for frame in rows]


@pytest.mark.slow
@pytest.mark.parametrize("jumps", [False, True], ids=["steady", "jumping"])
def test_a_stream_gives_the_oracles_answers_and_tells_what_is_late(jumps: bool) -> None:
    """Watermarks that advance by panes, or jump and crawl; one event after its pane was closed."""
    rng = random.Random(7)
    events = sorted(
        Event(rng.randrange(0, 900), rng.randrange(8), rng.randrange(4), rng.choice(BEHAVIORS))
        for _ in range(150)
    )
    stream = TestStream().advance_watermark_to(0)
    jumping = (35, 60, 61, 300, 640, 641, 900, 920, 940, 960, 1200)
    for upto in jumping if jumps else range(20, 1220, 20):
        now = [event for event in events if event.time < upto + 5]
        events = events[len(now) :]
        rng.shuffle(now)
        if now:
            stream = stream.add_elements([beam.window.TimestampedValue(
                batch(now), min(event.time for event in now))])  # fmt: skip
        stream = stream.advance_watermark_to(upto)
    late = Event(100, 5, 1, "pv")
    stream = stream.add_elements([beam.window.TimestampedValue(batch([late]), 100)])
    stream = stream.advance_watermark_to_infinity()

    rng = random.Random(7)
    on_time = [
        Event(rng.randrange(0, 900), rng.randrange(8), rng.randrange(4), rng.choice(BEHAVIORS))
        for _ in range(150)
    ]
    values = {
        "popular_window": 240, "popular_period": 80, "popular_size": 5, "recommend_window": 60,
        "recommend_period": 20, "history_size": 4, "min_history": 2, "recommendations": 3,
        "reward_window": 100, "exclude_bought": 200,
    }  # fmt: skip
    rankings, shown, _ = expected(on_time, values, repeat=False)

    def check_late(rows: list) -> None:
        assert collect(rows) == [([1], [5], [0], [100])]

    def check_popular(rows: list) -> None:
        found: dict[int, list[tuple[int, int]]] = {}
        for frame in rows:
            for end, _, item, count in zip(*(c.tolist() for c in frame.columns()), strict=True):
                found.setdefault(end, []).append((item, count))
        assert found == rankings

    def check_shown(rows: list) -> None:
        found = {}
        for frame in rows:
            for place in range(len(frame)):
                key = int(frame.user[place]), int(frame.time[place])
                assert key not in found
                items = frame.items[place, : frame.length[place]].tolist()
                found[key] = items, int(frame.last_reward[place])
        assert found == {key: (row.items, row.last_reward) for key, row in shown.items()}

    options = PipelineOptions()
    options.view_as(StandardOptions).streaming = True
    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        closed = pipeline | stream | ClosePanes(20, 3, bounded=False)
        popular = closed.blocks | PopularItems(240, 80, 5)
        schedule = Schedule(60, 20)
        rewards = RewardRules(100, every_minute=True)
        history = HistoryRules(schedule, 20, 4, 2, 0, 5, rewards, 200)
        due = (closed.blocks, popular) | Histories(history, 3)
        recommended: Recommended = due | Recommend(FakeSource(), 3)
        rewarded = recommended.batches | RewardRecommendations(rewards)
        rows = rewarded.recommendations | beam.Map(RankedBatch.rows)
        for label, found, checker in (
            ("late", closed.late, check_late),
            ("popular", popular, check_popular),
            ("shown", rows, check_shown),
        ):
            assert_that(found, checker, label=label)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--recomend_period=3", "unknown option --recomend_period=3"),
        (
            "--recommend_period=0",
            "argument --recommend_period: '0' is not a whole number of at least 1",
        ),
        ("--shards=many", "argument --shards: 'many' is not a whole number of at least 1"),
        ("--input=/no/such/file.csv", "there is no such file"),
        ("--popular_sink=foo://bar", "no store that Rivulet can write to"),
        ("--model=/no/such/model", "no model directory"),
        ("--min_history=11", "no user would ever get the policy's recommendations"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    flag: str, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([flag])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_help_names_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    concerns = (*JOB.concerns, FlinkSettings)
    names = [field.name for concern in concerns for field in dataclasses.fields(concern)]
    assert len(names) > 35
    # A flag is off unless it is given; all others have a default.
    flags = {"repeat_consumed", "reset_watermark"}
    for name in names:
        (entry,) = re.findall(rf"^  --{name}\b.*\n(?:    .*\n)*", told, re.MULTILINE)
        assert ("(default:" in entry) == (name not in flags), entry


@pytest.mark.slow
def test_with_no_option_it_works_and_a_second_run_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.graph import read_tables

    monkeypatch.chdir(tmp_path)
    runs = []
    for _ in range(2):
        assert main([]) == 0
        told = capsys.readouterr().out
        assert "rivulet.db" in told
        runs.append(read_tables(tmp_path / "rivulet.db", None)[:5])
    assert runs[0] == runs[1]
    records, popular, shown, minutes, traffic = runs[0]
    assert sum(map(sum, traffic.values())) == 60_000
    assert len(records) == 60_000
    assert "60,420" in told
    assert popular
    assert minutes
    assert any(policy.startswith("reinforce") for _, policy, _, _ in shown.values())
    lines = (tmp_path / "rivulet-dead-letters.jsonl").read_text().splitlines()
    assert len(lines) == 120

"""The biased policy: its propensities are true, and its log is a feedback log."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.simulate import main
from simulation.behaviour import draw_lists, inclusion_probabilities
from simulation.model import World
from simulation.shown import show, states
from sinks.files.feedback_log import SETTINGS_KEY
from transforms.messages.events import EventBatch

WORLD = World.make(seed=3, users=60, items=120, clusters=4)


@pytest.fixture(scope="module")
def stream() -> EventBatch:
    return WORLD.stream(6_000, rate=2.0)


@pytest.mark.parametrize("exploration", [0.0, 0.3, 1.0])
def test_propensities_are_the_share_of_lists_that_have_the_item(exploration: float) -> None:
    inclusion = inclusion_probabilities(WORLD, 8, exploration)
    assert inclusion.sum(axis=1) == pytest.approx(8)
    assert inclusion.max() <= 1 + 1e-12
    n = 20_000
    row = np.repeat([0, 3], n)
    items, propensities = draw_lists(inclusion, row, 8, np.random.default_rng(0))
    assert (np.diff(np.sort(items, axis=1), axis=1) > 0).all()
    for part, cluster in ((items[:n], 0), (items[n:], 3)):
        share = np.bincount(part.ravel(), minlength=120) / n
        error = np.sqrt(inclusion[cluster] * (1 - inclusion[cluster]) / n)
        assert (np.abs(share - inclusion[cluster]) <= 5 * error + 1e-9).all()
    assert propensities[n + 7].tolist() == pytest.approx(inclusion[3, items[n + 7]].tolist())


def test_a_list_of_all_items() -> None:
    assert inclusion_probabilities(WORLD, 120, 0.1) == pytest.approx(1)
    with pytest.raises(ValueError, match="121"):
        inclusion_probabilities(WORLD, 121, 0.1)


def test_states_are_the_last_ten_events_of_active_users(stream: EventBatch) -> None:
    found = {
        (user, time): history
        for user, time, history in zip(*(part.tolist() for part in states(stream)), strict=True)
    }
    wanted = {}
    for user in set(stream.user.tolist()):
        own = stream.user == user
        steps = sorted(zip(stream.time[own].tolist(), stream.item[own].tolist(), strict=True))
        for moment in {time // 20 * 20 + 20 for time, _ in steps}:
            before = [item for time, item in steps if time < moment]
            if len(before) >= 10:
                wanted[user, moment] = before[-10:]
    assert found == wanted


def test_the_mean_reward_of_the_log_is_the_expected_reward_of_its_lists(stream: EventBatch) -> None:
    log = show(WORLD, stream, seed=1)
    expected = WORLD.expected_reward(log.user, log.history, log.items)
    observed = log.rewards.sum(axis=1)
    error = np.std(observed - expected) / len(log) ** 0.5
    assert abs(observed.mean() - expected.mean()) < 4 * error
    assert set(np.unique(log.rewards)) == {0, 1, 2, 3}
    again = show(WORLD, stream, seed=1)
    assert (again.items == log.items).all()
    assert (again.rewards == log.rewards).all()


def test_the_command_writes_a_feedback_log(tmp_path: Path) -> None:
    options = ["--events=3000", "--users=60", "--rate=2", f"--output={tmp_path / 'stream.csv'}"]
    assert main([*options, f"--feedback={tmp_path / 'log'}", "--duplicates=0.01"]) == 0
    table = pq.read_table(tmp_path / "log")
    assert table.column_names == [
        "user",
        "time",
        "history",
        "items",
        "policy",
        "propensities",
        "explored",
        "rewards",
    ]
    assert len(table) > 500
    settings = json.loads(table.schema.metadata[SETTINGS_KEY])
    assert settings["reward_window"] == settings["recommend_period"] == 20
    assert settings["history_size"] == settings["min_history"] == 10
    assert settings["recommendations"] == 8


def test_lists_of_other_sizes_and_periods(tmp_path: Path) -> None:
    options = ["--events=3000", "--users=60", "--rate=2", f"--output={tmp_path / 'stream.csv'}"]
    log = [f"--feedback={tmp_path / 'log'}", "--list_size=5", "--list_period=60"]
    assert main([*options, *log]) == 0
    table = pq.read_table(tmp_path / "log")
    assert set(map(len, table["items"].to_pylist())) == {5}
    assert {time % 60 for time in table["time"].to_pylist()} == {0}
    assert json.loads(table.schema.metadata[SETTINGS_KEY])["reward_window"] == 60


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--malformed=0.1", "--output=a.parquet"], "--malformed requires CSV"),
        (["--late=0.1", "--late_by=3"], "--late_by must be more than"),
        (["--list_size=3"], "--list_size has an effect only with --feedback"),
        (["--start=1969-01-01"], "before 1970"),
        (["--start=9999-12-31T23:59:00"], "beyond the year 9999"),
        (["--output=a.txt"], "does not end in"),
        (["--rate=9000", "--users=10"], "at least 229543 users are necessary"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(options)
    assert end.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert words in line

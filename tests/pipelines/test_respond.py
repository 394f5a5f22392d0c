"""Users see the lists of a store or of the API: equal lists give equal events."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.servers.kafka import Kafka
from pipelines.respond import lists
from pipelines.respond.lists import ApiLists, ListsError, Newest, StoreLists, as_matrix, newest_of
from pipelines.respond.outputs import CsvFile
from pipelines.respond.run import respond
from pipelines.simulate import main
from simulation.effects import Effects
from simulation.latents import Int64s
from simulation.model import World
from simulation.options import DEFAULT_START
from simulation.responsive import ResponsiveWorld, play
from tests.pipelines.test_replay import read
from tests.serving.tables import Rows, fill
from transforms.messages.events import BEHAVIORS

WORLD = World.make(seed=0, users=6, items=80, clusters=4)
SIZE = ["--events=240", "--users=6", "--items=80", "--clusters=4", "--rate=0.1"]
EFFECTS = Effects(attention=0.8, satiation=0.2, session=1, return_rate=1, delay=0.5)
OPTIONS = ["--attention=0.8", "--satiation=0.2", "--session=1", "--return_rate=1", "--delay=0.5"]


def made() -> ResponsiveWorld:
    return ResponsiveWorld(WORLD, EFFECTS, 240, 0.1)


def tasty(user: int, now: int) -> list[int]:
    """The items of a user's list at a time."""
    ranked = np.argsort(-(WORLD.item_vector @ WORLD.user_taste[user - 1]), kind="stable") + 1
    return ranked[now // 20 % 5 :][:8].tolist()


def policy(users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
    del histories
    pairs = zip(users.tolist(), times.tolist(), strict=True)
    return np.array([tasty(user, now) for user, now in pairs])


class Tasty:
    """Lists that are as old as the moment at which they are seen."""

    def newest(self, users: Sequence[int], now: int) -> list[Newest | None]:
        return [(now, tasty(user, now)) for user in users]

    def close(self) -> None: ...


def test_the_files_hold_what_the_world_does_without_a_pipeline(tmp_path: Path) -> None:
    events = CsvFile(str(tmp_path / "events.csv"), "user,item,time,behavior")
    impressions = CsvFile(str(tmp_path / "impressions.csv"), None)
    steps: list[int] = []
    counts = respond(made(), Tasty(), events, impressions, 8, 60, steps.append)
    events.close(complete=True)
    impressions.close(complete=True)
    wanted = play(made(), policy)
    rows = (tmp_path / "events.csv").read_text().splitlines()
    assert rows[0] == "user,item,time,behavior"
    e = wanted.events
    columns = (e.user, e.item, e.time, e.behavior)
    found = [line.split(",") for line in rows[1:]]
    assert sorted(found) == sorted(
        [str(user), str(item), str(time), BEHAVIORS[code]]
        for user, item, time, code in zip(*(c.tolist() for c in columns), strict=True)
    )
    times = [int(line[2]) for line in found]
    assert times == sorted(times)
    assert steps == sorted(set(steps))
    shown = wanted.seen.nonzero()[0]
    assert (tmp_path / "impressions.csv").read_text().splitlines() == [
        f"{wanted.users[row]},{wanted.times[row]},{wanted.times[row]}" for row in shown
    ]
    assert (counts.events, counts.seen) == (len(e), len(shown))
    assert counts.reward == pytest.approx(wanted.rewards.sum())
    assert counts.reward > 20


def test_only_lists_that_are_new_enough_are_seen() -> None:
    found = [(100, [5, 6, 7]), (40, [1]), None, (39, [2]), (100, [])]
    assert as_matrix(found, 100, 60, 2).tolist() == [[5, 6], [1, 0], [0, 0], [0, 0], [0, 0]]


def test_the_newest_list_is_not_one_of_the_future_and_holds_integers() -> None:
    rows = [(10, [1]), (30, [3]), (20, [2, "x", None, True, -1, 2**70, 4])]
    assert newest_of(rows, 29) == (20, [2, 4])
    assert newest_of(rows, 9) is None


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with a list for each user and period of the stream."""
    url = f"sqlite:///{tmp_path / 'lists.db'}"
    steps = range(DEFAULT_START // 20 * 20, DEFAULT_START + 6_000, 20)
    rows = [(user, now, tasty(user, now), "p-1", [1.0] * 8, -1)
            for user in range(1, 7) for now in steps]  # fmt: skip
    fill(url, Rows(recommendation=rows))
    return url


def test_a_stores_newest_lists_up_to_the_moment(store: str) -> None:
    reader = StoreLists(store, 10)
    now = DEFAULT_START // 20 * 20 + 47
    assert reader.newest([2, 99, 3], now) == [(now - 7, tasty(2, now - 7)), None,
                                              (now - 7, tasty(3, now - 7))]  # fmt: skip
    assert reader.newest([2], now + 20) == [(now + 13, tasty(2, now + 13))]
    reader.close()


def test_the_command_gives_equal_bytes_for_equal_lists(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got = []
    for number in range(2):
        output, seen = tmp_path / f"{number}.csv", tmp_path / f"{number}-seen.csv"
        arguments = [f"--respond={store}", f"--output={output}", f"--impressions={seen}"]
        assert main([*SIZE, *OPTIONS, *arguments]) == 0
        got.append((output.read_bytes(), seen.read_bytes()))
    assert got[0] == got[1]
    assert got[0][1].startswith(b"user,T,time\n")
    assert got[0][1].count(b"\n") > 20
    assert "reward a list" in capsys.readouterr().out


class Api(ThreadingHTTPServer):
    """Answers like the API, with the list of the sample for each user, from `user` 5 on garbage."""

    tokens: list[str | None]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.tokens.append(self.headers["Authorization"])
        user = int(self.path.split("/")[3])
        assert self.path == f"/base/users/{user}/recommendations?limit=5"
        rows = [{"time": 1_000, "items": [user, 7]}, {"time": 900, "items": [3]}]
        body = json.dumps({"recommendations": rows}).encode() if user < 5 else b"oh"
        self.send_response(404 if user == 4 else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(("127.0.0.1", 0), Handler) as server:
        server.tokens = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_apis_newest_lists(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "abc")
    url = f"http://127.0.0.1:{api.server_port}/base/"
    reader = lists.open_lists(url, 10, "${SECRET}")
    assert reader.newest([1, 2, 4], 1_000) == [(1_000, [1, 7]), (1_000, [2, 7]), None]
    assert reader.newest([2], 999) == [(900, [3])]
    assert set(api.tokens) == {"Bearer abc"}
    monkeypatch.setattr(lists, "WAITS", (0.01,))
    with pytest.raises(ListsError, match="gives no lists"):
        reader.newest([5], 1_000)
    reader.close()


def test_an_api_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "WAITS", (0.01,))
    with pytest.raises(ListsError, match=r"127\.0\.0\.1:1 gives no lists"):
        ApiLists("http://127.0.0.1:1", 5, None).newest([1], 0)


def test_a_store_that_fails_ends_the_command_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lists, "WAITS", (0.01,))
    (tmp_path / "no.db").write_text("this is no database, at all" * 100)
    output = tmp_path / "events.csv"
    arguments = [f"--respond=sqlite:///{tmp_path / 'no.db'}", f"--output={output}"]
    assert main([*SIZE, *OPTIONS, *arguments]) == 1
    assert "gives no lists" in capsys.readouterr().err
    assert not list(tmp_path.glob("events*"))


def test_ctrl_c_is_status_130(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StoreLists, "newest", interrupt)
    arguments = [f"--respond={store}", f"--output={tmp_path / 'events.csv'}"]
    assert main([*SIZE, *OPTIONS, *arguments]) == 130
    assert capsys.readouterr().err.strip().endswith("interrupted")
    assert not list(tmp_path.glob("events*"))


@pytest.mark.servers
def test_events_and_impressions_go_to_kafka(
    kafka: Kafka, unique: str, store: str, tmp_path: Path
) -> None:
    topics = [f"--output={kafka.url}/{unique}", f"--impressions={kafka.url}/{unique}-seen"]
    assert main([*SIZE, *OPTIONS, f"--respond={store}", *topics]) == 0
    files = [f"--output={tmp_path / 'e.csv'}", f"--impressions={tmp_path / 'i.csv'}"]
    assert main([*SIZE, *OPTIONS, f"--respond={store}", *files]) == 0
    for topic, file in ((unique, "e.csv"), (f"{unique}-seen", "i.csv")):
        found = read(kafka, topic)
        assert all(value.split(b",")[0] == key for _, key, value in found)
        lines = (tmp_path / file).read_bytes().splitlines()[1:]
        assert sorted(value for _, _, value in found) == sorted(lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--respond=nowhere", "--attention=1"], "is not a URL of a store"),
        (["--respond=sqlite:///x.db"], "--respond has an effect only with --attention"),
        (["--attention=1"], "--attention has an effect only with --respond"),
        (["--speed=1"], "--speed has an effect only with --respond"),
        (["--output=kafka://h:1/t"], "--output to Kafka requires --respond"),
        (["--respond=sqlite:///x.db", "--attention=1", "--late=0.1"], "--late has no effect"),
        (["--respond=sqlite:///x.db", "--attention=1", "--truth=t"], "--truth has no effect"),
        (["--respond=sqlite:///x.db", "--attention=1", "--output=a.parquet"], "is not a .csv file"),
        (["--respond=sqlite:///x.db", "--attention=1", "--list_period=3"], "at least 4"),
        (["--respond=sqlite:///x.db", "--attention=1", "--delay_time=3"], "only with --delay"),
        (["--respond=sqlite:///x.db", "--attention=1", "--respond_token=t"], "URL of an API"),
        (["--respond=nosuch://x", "--attention=1"], "--respond: "),
        (["--list_size=3"], "only with --feedback or --respond"),
    ],
)
def test_bad_options_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*SIZE, *arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1

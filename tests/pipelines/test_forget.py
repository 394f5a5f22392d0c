"""The main job with users to forget, against the oracle; and the command that names them."""

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from pipelines import forget
from pipelines.recommend import main
from tests.fakes import ranked_items
from tests.graph import Tables, run_job
from tests.oracle import rules
from tests.oracle.events import Event
from tests.oracle.forgotten import Lives, Tombstone
from tests.pipelines.few_events import START, stream, write_events
from transforms.messages.dead_letters import DeadLetter

REWARD_WINDOW = 100


def tombstones(seed: int) -> list[Tombstone]:
    rng = random.Random(seed)
    return [(rng.randrange(14), START + rng.randrange(1600)) for _ in range(20)]


def check(
    tables: Tables, events: Sequence[Event], gone: Sequence[Tombstone], log: Path | None = None
) -> None:
    lives = Lives(events, gone)
    divided = lives.divided(events)
    rankings = rules.popular(events)
    assert tables.popular == rankings
    rows = rules.recommendations(
        divided,
        lambda life, history: ranked_items(lives.lives[life].user, history, 8),
        rankings,
    )
    rows = {(life, at): row for (life, at), row in rows.items() if at < lives.lives[life].end}
    wanted = {(lives.lives[n].user, at): (r.items, r.last_reward) for (n, at), r in rows.items()}
    assert {key: (row[0], row[3]) for key, row in tables.recommendations.items()} == wanted
    assert len(tables.records) == len(set(events))
    if log is None:
        return
    earned = {
        (lives.lives[life].user, at): rewards
        for (life, at), rewards in rules.rewards(divided, rows, REWARD_WINDOW).items()
        if at + REWARD_WINDOW <= lives.lives[life].end
    }
    found = pq.read_table(log).to_pylist()
    assert {(row["user"], row["time"]): row["rewards"] for row in found} == earned
    assert len(found) == len(earned)


def test_users_of_a_file_are_forgotten(tmp_path: Path) -> None:
    events, gone = stream(1), tombstones(2)
    path, log = tmp_path / "forgotten.csv", tmp_path / "log"
    lines = [f"{user},{time}\n" for user, time in gone]
    lines[3:3] = ["ann,5\n", "7,99999999999\n"]
    path.write_text("user,time\n" + "".join(lines))
    flags = [f"--input={write_events(tmp_path, events)}", f"--forget={path}"]
    flags += [f"--feedback={log}", f"--reward_window={REWARD_WINDOW}"]
    tables = run_job(tmp_path, *flags)
    check(tables, events, gone, log)
    letters = map(DeadLetter.from_json, (tmp_path / "dead.jsonl").read_text().splitlines())
    assert sorted((one.reason, one.raw) for one in letters) == [
        ("future", "7,99999999999"), ("not a number", "ann,5"),
    ]  # fmt: skip
    assert tables.summary.counters["malformed_forgotten"] == 2


@pytest.mark.servers
def test_users_of_a_topic_are_forgotten(
    tmp_path: Path, kafka: Kafka, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    events, gone = stream(3), tombstones(4)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(unique, 2, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for user, time in gone[:-1]:
        producer.send(unique, f"{user},{time}".encode(), b"%d" % user)
    producer.send(unique, None, b"7")  # It removes what compaction has not removed yet.
    producer.send(unique, b"7,soon", b"7")
    producer.flush()
    producer.close()
    topic = f"{kafka.url}/{unique}"
    user, time = gone[-1]
    assert forget.main([f"--user={user}", f"--forget={topic}", f"--time={time}"]) == 0
    assert f"from\n{time} on" in capsys.readouterr().out
    path = write_events(tmp_path, events)
    check(run_job(tmp_path, f"--input={path}", f"--forget={topic}"), events, gone)
    (letter,) = map(DeadLetter.from_json, (tmp_path / "dead.jsonl").read_text().splitlines())
    assert letter.raw == "7,soon"
    assert letter.source.startswith(f"{unique}/")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,when\n3,5\n", "user"),
        (None, "there is no such file"),
        ("a folder", "is a folder"),
        ("a pipe", "is a pipe"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    content: str | None, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "forgotten.csv"
    if content == "a folder":
        path.mkdir()
    elif content == "a pipe":
        os.mkfifo(path)
    elif content is not None:
        path.write_text(content)
    events = write_events(tmp_path, stream(1)[:3])
    with pytest.raises(SystemExit) as end:
        main([f"--input={events}", f"--forget={path}"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert "--forget" in line


@pytest.mark.parametrize(
    ("before", "user", "after"),
    [
        (None, "42", "user,time\n42,5\n"),
        ("", 'a,"b', 'user,time\n"a,""b",5\n'),
        ("time,reason,user\n3,asked,7", "ann é", "time,reason,user\n3,asked,7\n5,,ann é\n"),
        ('{"user": 1, "time": 2}\n', "42", '{"user": 1, "time": 2}\n{"user": "42", "time": 5}\n'),
    ],
)
def test_the_command_adds_a_row_in_the_files_own_format(
    tmp_path: Path, before: str | None, user: str, after: str
) -> None:
    path = tmp_path / "forgotten.csv"
    if before is not None:
        path.write_text(before)
    flags = [f"--user={user}", f"--forget={path}", "--time=5"]
    assert forget.main([*flags, "--dry_run"]) == 0
    assert (path.read_text() if path.exists() else None) == before
    assert forget.main(flags) == 0
    assert path.read_text() == after


@pytest.mark.parametrize(
    ("content", "flags", "words"),
    [
        (None, ["--user=1", "--time=5", "--feedback=."], "--time has no effect without --forget"),
        (None, ["--user=1", "--time=99999999999", "--forget=f"], "not of the future"),
        (None, ["--user=1", "--forget="], "--forget is empty"),
        (None, ["--user=1", "--forget=/no/such/f"], "No such file"),
        (None, ["--user=1", "--forget=gs://b/f"], "local files and topics alone"),
        (None, ["--user=1\n2", "--forget=f"], "control characters"),
        (b"id,when\n", ["--user=1", "--forget=f"], "must name the columns user and time"),
        (b"PAR1", ["--user=1", "--forget=f"], "CSV and JSON lines alone"),
        (b"\xff\n", ["--user=1", "--forget=f"], "names no columns"),
    ],
)
def test_a_row_that_cannot_be_added_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    content: bytes | None, flags: list[str], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("f").write_bytes(content)
    with pytest.raises(SystemExit) as end:
        forget.main(flags)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not Path("f").exists() or Path("f").read_bytes() == content

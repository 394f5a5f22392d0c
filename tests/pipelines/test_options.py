"""Each command has the options of what it does, and only these; none has no effect."""

import os
import tempfile
from pathlib import Path

import pytest

from pipelines import popular, recommend, record
from pipelines.options import PopularSettings, RecommendSettings, pane_seconds_of
from pipelines.running.job import Job, hints, log_file
from pipelines.running.summary import Summary

KAFKA = "--input=kafka://localhost:1/clicks"


@pytest.fixture
def clicks(tmp_path: Path) -> str:
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,time\n1,2,3\n")
    return f"--input={path}"


def refused(capsys: pytest.CaptureFixture[str], job: Job, *flags: str) -> str:
    with pytest.raises(SystemExit) as ended:
        job.options(flags)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_results_are_where_the_command_writes_and_nowhere_else(clicks: str) -> None:
    options = record.JOB.options([clicks, "--record_sink=sqlite:///mine.db"])
    said = hints(options, Summary({}, 1.0))
    assert "Results: sqlite:///mine.db" in said
    assert not any("rivulet.db" in line for line in said)


def test_panes_are_as_long_as_the_commands_own_windows_need() -> None:
    windows = ["--popular_window=3600", "--popular_period=80"]
    assert pane_seconds_of(popular.JOB.options(windows).settings) == 80
    assert pane_seconds_of(recommend.JOB.options(windows).settings) == 20


def test_a_command_has_no_settings_of_what_it_does_not_do() -> None:
    assert RecommendSettings not in popular.JOB.options([]).settings
    assert PopularSettings not in record.JOB.options([]).settings


@pytest.mark.parametrize("job", [popular.JOB, record.JOB, recommend.JOB], ids=lambda job: job.name)
def test_the_number_of_shards_is_an_option_of_each_command(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines.options import ShardSettings

    assert job.options(["--shards=3"]).settings[ShardSettings].shards == 3
    with pytest.raises(SystemExit):
        job.options(["--help"])
    assert "--shards N" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("job", "flag"),
    [
        (record.JOB, "--popular_sink=none"),
        (record.JOB, "--popular_window=80"),
        (popular.JOB, "--record_sink=none"),
        (popular.JOB, "--recommend_period=20"),
        (popular.JOB, "--model=none"),
        (popular.JOB, "--forget=gone.csv"),
        (record.JOB, "--forget=gone.csv"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_options_of_another_command_are_refused(
    job: Job, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"unknown option {flag}" in refused(capsys, job, flag)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--idle_timeout=5"], "--idle_timeout is for a topic"),
        (["--kafka_stop_at=latest"], "--kafka_stop_at is for a topic"),
        (["--archive_delay=1"], "--archive_delay is for a stream"),
        (["--feedback=log", "--feedback_window=20"], "--feedback_window is for a stream"),
        ([KAFKA, "--feedback_window=20"], "--feedback_window has no effect without --feedback"),
        (["--checkpointing_interval=500"], "--checkpointing_interval is for --runner=FlinkRunner"),
        (["--savepoint_dir=/tmp"], "--savepoint_dir is for --runner=FlinkRunner"),
        ([KAFKA, "--columns=user,item,time"], "--columns is for files"),
        (["--input=a.csv", "--input=b.csv"], "--input is given twice"),
        ([KAFKA, "--reset_watermark", "--runner=FlinkRunner"], "resumed with --savepoint"),
        (["--explore_users=0.5"], "--explore_users has no effect without --explore"),
        (["--explore=greedy"], "take none, epsilon:SHARE"),
        (["--explore=epsilon:0.1", "--explore_pool=8"], "there would be nothing to draw"),
        (["--explore=epsilon:0.1", "--explore_places=9"], "a list has no more places"),
        (["--explore=softmax:0.1", "--model=none"], "no effect with --model=none"),
        (["--new_items=0.2"], "needs the catalogue"),
        (["--new_item_days=3"], "--new_item_days has no effect without --new_items"),
        (["--new_items=0.1", "--items=i.csv"], "less than one place"),
        (["--new_items=0.5", "--items=i.csv", "--model=none"], "no effect with --model=none"),
        (
            ["--new_items=1", "--items=i.csv", "--explore=epsilon:0.1"],
            "(8 places) and --explore_places=2 are more than --recommendations=8",
        ),
        (["--dead_letters=/no/such/dead.jsonl"], "there is no folder /no/such"),
        (["--forget="], "--forget is empty"),
    ],
)
def test_an_option_without_an_effect_is_refused(
    flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(capsys, recommend.JOB, *flags)


@pytest.mark.parametrize("flag", ["--dead_letters_max=10", "--dead_letters_keep=1"])
def test_limits_of_a_file_are_refused_for_an_object_store(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, recommend.JOB, "--dead_letters=gs://bucket/letters", flag)
    assert f"{flag.partition('=')[0]} is for a file: the folder gs://bucket/letters" in said


def test_a_savepoint_is_for_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "_metadata").touch()
    flags = ["--runner=FlinkRunner", f"--savepoint={tmp_path}"]
    assert "--savepoint is for a stream" in refused(capsys, recommend.JOB, *flags)
    for more in ([KAFKA], [KAFKA, "--flink_master=localhost:8081"], ["--streaming"]):
        recommend.JOB.options([*flags, *more])


def test_no_option_of_ours_reaches_beams_options() -> None:
    flags = [KAFKA, "--kafka_user=me", "--kafka_password=hush", "--record_sink=redis://:hush@h/0"]
    options = recommend.JOB.options([*flags, "--runner=PrismRunner", "--job_name=shop"])
    everything = options.beam.get_all_options()
    assert everything["job_name"] == "shop"
    assert "hush" not in str(everything)
    assert "hush" not in str(list(options.settings)[1])


def test_a_read_only_folder_is_one_line_and_the_log_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # Root may write where a mount, which `access` knows, is not read-only.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert f"the folder {tmp_path} is read-only" in refused(capsys, recommend.JOB)
    elsewhere = "--dead_letters=/tmp/dead.jsonl"
    said = refused(capsys, recommend.JOB, elsewhere)
    assert f"--record_sink=sqlite:///rivulet.db: the folder {tmp_path} is read-only" in said
    assert log_file().parent == Path(tempfile.gettempdir())


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--related_size=9"], "--related_size has no effect without --related=bought"),
        (["--related=sold"], "it is bought, viewed, or both"),
        (["--related=bought,bought"], "names a kind twice"),
        (["--related=bought", "--related_gap=7000"], "no multiple of --related_gap=7000"),
        (["--related=bought", "--related_window=1800"], "--related_window=1800 is shorter"),
    ],
)
def test_related_items_that_cannot_be_are_refused(
    flags: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problem in refused(capsys, popular.JOB, *flags)


def test_slots_of_related_items_are_whole_panes(capsys: pytest.CaptureFixture[str]) -> None:
    gap = ["--related=bought", "--related_gap=60", "--recommend_period=40"]
    assert "no multiple of 40 s" in refused(
        capsys,
        recommend.JOB,
        *gap,
        "--recommend_window=80",
        "--reward_window=600",
        "--popular_period=80",
    )
    assert pane_seconds_of(popular.JOB.options(["--related=bought"]).settings) == 40

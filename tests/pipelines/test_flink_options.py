"""What --savepoint names, and what is set for Flink where the user set nothing."""

import os
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)

from pipelines.flink.defaults import JobServerOptions, set_defaults
from pipelines.flink.options import FlinkSettings, find_savepoint
from pipelines.recommend import JOB


def with_defaults(*flags: str) -> PipelineOptions:
    """Beam's options of a job on Flink."""
    options = JOB.options(["--runner=FlinkRunner", *flags])
    set_defaults(options.beam, options.settings[FlinkSettings])
    return options.beam


def checkpoint(folder: Path, moment: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(b"")
    os.utime(folder / "_metadata", (moment, moment))
    return folder


def test_the_newest_whole_one_below_a_folder_is_taken(tmp_path: Path) -> None:
    checkpoint(tmp_path / "job-b" / "chk-9", 1000)
    newest = checkpoint(tmp_path / "job-a" / "chk-2", 2000)
    (tmp_path / "job-a" / "chk-3").mkdir()  # Flink was still writing it.
    assert find_savepoint(str(tmp_path)) == newest.as_uri()
    older = tmp_path / "job-b" / "chk-9"
    for name in (str(older), older.as_uri(), f"file:{older}"):
        assert find_savepoint(name) == older.as_uri()


def test_places_elsewhere_are_taken_as_they_are() -> None:
    assert find_savepoint("s3://bucket/savepoint-1") == "s3://bucket/savepoint-1"


def test_none_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        JOB.options([f"--savepoint={tmp_path}"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(tmp_path) in said


def test_a_stream_on_the_embedded_cluster_gets_its_settings() -> None:
    options = with_defaults("--streaming", "--checkpointing_interval=700")
    flink = options.view_as(JobServerOptions)
    assert flink.checkpointing_interval == 700  # the user's
    assert flink.max_bundle_time_mills == 1000
    assert flink.finish_bundle_before_checkpointing
    assert flink.unaligned_checkpoint_enabled
    assert options.view_as(FlinkRunnerOptions).flink_master == "[local]"
    assert options.view_as(PortableOptions).environment_type == "LOOPBACK"
    assert options.get_all_options()["checkpointing_interval"] == 700


@pytest.mark.parametrize("given", ["--flink_job_server_jar=their.jar", "another version"])
def test_where_watermarks_wait_for_bundles_these_are_short(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--streaming"]
    if given.startswith("--"):
        flags.append(given)
    else:
        monkeypatch.setenv("RIVULET_BEAM_JAVA_VERSION", "2.99.0")
    options = with_defaults(*flags)
    assert options.view_as(JobServerOptions).max_bundle_time_mills == 100


def test_a_batch_keeps_beams_own_bundles() -> None:
    options = with_defaults()
    assert not options.view_as(StandardOptions).streaming
    assert options.view_as(JobServerOptions).max_bundle_size is None


def test_a_checkpoint_that_is_removed_meanwhile_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = checkpoint(tmp_path / "chk-1", 1000)
    gone = tmp_path / "chk-2" / "_metadata"
    found = Path.glob

    def glob(folder: Path, pattern: str) -> list[Path]:
        return [*found(folder, pattern), gone]

    monkeypatch.setattr(Path, "glob", glob)
    assert find_savepoint(str(tmp_path)) == kept.as_uri()

"""`--runner=render`: a file without an option, and one line where it cannot be."""

import shutil
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.recommend import JOB
from pipelines.running.drawing import DEFAULT_DRAWING, drawing_runner, drawn
from pipelines.running.errors import RunnerError


def test_it_draws_to_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    options = PipelineOptions([])
    drawing_runner(options)
    assert drawn(options) == [f"Graph: {DEFAULT_DRAWING}"]


def test_the_text_alone_takes_no_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    text = tmp_path / "graph.dot"
    assert JOB.main(["--runner=render", f"--render_output={text}"]) == 0
    assert "Histories" in text.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--render_output=graph.svg"], "install it"),
        (["--render_port=0"], "install it"),
        (["--render_output=no/such/graph.dot"], "there is no folder"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(RunnerError, match=words):
        drawing_runner(PipelineOptions(arguments))


def test_an_unknown_runner_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        JOB.main(["--runner=Nope"])
    assert ended.value.code == 2
    assert "--runner=Nope" in capsys.readouterr().err

"""`--runner=render`: where the graph is drawn to, and what that takes."""

from __future__ import annotations

import shutil
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.render import RenderOptions
from apache_beam.runners.runner import PipelineRunner, create_runner

from pipelines.running.errors import RunnerError

DEFAULT_DRAWING = "rivulet-graph.svg"
_RUNNER = "apache_beam.runners.render.RenderRunner"


def drawing_runner(options: PipelineOptions) -> PipelineRunner:
    """Beam's runner that draws; to DEFAULT_DRAWING where the options name nothing.

    Raises:
        RunnerError: graphviz is not here, or there is no such folder.
    """
    chosen = options.view_as(RenderOptions)
    if not chosen.render_output and chosen.render_port < 0:
        chosen.render_output = [DEFAULT_DRAWING]
    outputs = chosen.render_output or []
    for output in outputs:
        folder = Path(output).absolute().parent
        if not folder.is_dir():
            raise RunnerError(f"--render_output={output}: there is no folder {folder}")
    drawn = [output for output in outputs if not output.endswith(".dot")]
    if (drawn or chosen.render_port >= 0) and not shutil.which("dot"):
        raise RunnerError(
            "graphviz draws the graph, and its program 'dot' is not here: install it "
            "(apt-get install graphviz), or give --render_output=FILE.dot for the text alone"
        )
    return create_runner(_RUNNER)


def drawn(options: PipelineOptions) -> list[str]:
    """What to say when it is done."""
    return [f"Graph: {output}" for output in options.view_as(RenderOptions).render_output or ()]

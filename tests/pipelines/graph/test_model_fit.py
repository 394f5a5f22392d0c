"""A model that knows too few of the input's items is not used."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest

from inference.models.no_policy import NoPolicy
from pipelines.graph.graph import read
from pipelines.graph.job_graph import JobGraph
from pipelines.graph.model_fit import unfit_models
from pipelines.graph.models import model_source
from pipelines.options import ModelSettings
from pipelines.recommend import JOB
from tests.inference.models.test_registry import save
from transforms.progress import ProgressCounters

ITEMS = [7 + 3 * place for place in range(50)]
"""Those of the model that `save` writes."""


def unfit(tmp_path: Path, items: list[int], *flags: str) -> tuple[int, ...]:
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,time\n" + "".join(f"1,{item},100\n" for item in items))
    options = JOB.options([f"--input={path}", *flags])
    job: JobGraph = read(beam.Pipeline(), options.settings, ProgressCounters("fit"))
    return unfit_models(job)


@pytest.mark.parametrize(
    ("items", "flags", "unused"),
    [
        (ITEMS[:6], (), ()),  # All of the few items there are are known.
        ([*ITEMS[:5], *range(1000, 1100)], (), ()),
        ([*ITEMS[:4], *range(1000, 1100)], (), (0,)),
        ([*ITEMS[:4], *range(1000, 1100)], ("--min_known=0.08",), ()),
        ([*range(1000, 1100)], ("--min_known=0",), ()),
        ([], (), ()),
    ],
)
def test_the_share_of_known_items_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], items: list[int], flags: tuple[str, ...],
    unused: tuple[int, ...],
) -> None:  # fmt: skip
    save(tmp_path / "m", "1")
    assert unfit(tmp_path, items, f"--model={tmp_path / 'm'}", *flags) == unused
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(unused)
    assert all("it knows 4 of the 104 different items" in line for line in lines)


def test_a_catalogue_counts_too(tmp_path: Path) -> None:
    save(tmp_path / "m", "1")
    items = tmp_path / "items.csv"
    items.write_text("item\n" + "".join(f"{item}\n" for item in ITEMS))
    flags = (f"--model={tmp_path / 'm'}", f"--items={items}")
    assert unfit(tmp_path, [1000, 1001], *flags) == ()


def test_the_packaged_model_is_for_the_sample(tmp_path: Path) -> None:
    assert unfit(tmp_path, [*range(1, 80)]) == ()
    assert unfit(tmp_path, [*range(950, 2000)]) == (0,)


def test_an_unused_model_ranks_for_nobody(tmp_path: Path) -> None:
    options = JOB.options([])
    assert isinstance(model_source(options.settings[ModelSettings], (0,)), NoPolicy)
    save(tmp_path / "m", "1")
    two = ModelSettings((f"a={tmp_path / 'm'}:1", f"b={tmp_path / 'm'}:1"))
    users = np.arange(200)
    ranked = model_source(two, (1,)).load().rank(users, np.full((200, 1), 7), np.ones(200, int), 3)
    assert set(ranked.policy.tolist()) == {b"", b"a-1"}

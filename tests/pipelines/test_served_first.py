"""In a stream, what Redis serves is written by the step that ranks, before all else."""

from pathlib import Path

from apache_beam import Pipeline
from apache_beam.portability.api import beam_runner_api_pb2 as proto

from pipelines.recommend import JOB

KAFKA = "--input=kafka://localhost:1/clicks"
REDIS = "--recommendation_sink=redis://localhost:1/0"
SQLITE = "--recommendation_sink=sqlite:///shop.db"


def steps(*flags: str) -> dict[str, proto.PTransform]:
    """The main job's steps by name."""
    options = JOB.options(list(flags))
    pipeline = Pipeline(options=options.beam)
    JOB.construct(pipeline, options)
    transforms = pipeline.to_runner_api().components.transforms.values()
    return {step.unique_name: step for step in transforms}


def writes(found: dict[str, proto.PTransform]) -> set[str]:
    """The writes of recommendations, and the store of each by its number."""
    return {
        name
        for name, step in found.items()
        if name.startswith(("Write served/Store", "Write recommendations/Store"))
        and not step.subtransforms
    }


def test_what_redis_serves_is_an_output_of_its_own_of_the_step_that_ranks() -> None:
    found = steps(KAFKA, SQLITE, REDIS)
    assert writes(found) == {"Write served/Store 1", "Write recommendations/Store 1"}
    (served,) = found["Write served/Batch"].inputs.values()
    assert served in found["Recommend/Fill"].outputs.values()
    # Flink fuses what takes an output only if all of it can be, and what keeps state cannot.
    takers = {
        name
        for name, step in found.items()
        if served in step.inputs.values() and not step.subtransforms
    }
    assert takers == {"Write served/Batch"}


def test_redis_alone_is_all_that_is_written() -> None:
    assert writes(steps(KAFKA, REDIS)) == {"Write served/Store 1"}


def test_without_redis_or_with_files_all_stores_are_alike(tmp_path: Path) -> None:
    assert writes(steps(KAFKA, SQLITE)) == {"Write recommendations/Store 1"}
    clicks = tmp_path / "clicks.csv"
    clicks.write_text("user,item,time,behavior\n1,2,3,pv\n")
    both = {"Write recommendations/Store 1", "Write recommendations/Store 2"}
    assert writes(steps(f"--input={clicks}", SQLITE, REDIS)) == both

"""A small stateful pipeline, run as a program: it counts the elements of each key."""

import sys
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec


class Count(beam.DoFn):
    COUNT = ReadModifyWriteStateSpec("count", VarIntCoder())

    def process(
        self, element: tuple[int, int], state=beam.DoFn.StateParam(COUNT)
    ) -> Iterator[tuple[int, int]]:
        count = (state.read() or 0) + 1
        state.write(count)
        yield element[0], count


class Write(beam.DoFn):
    """Writes a file for each key with its largest count."""

    def __init__(self, path: str) -> None:
        self._path = path

    def process(self, element: tuple[int, int]) -> None:
        with open(f"{self._path}-{element[0]}", "w") as file:  # noqa: PTH123
            file.write(f"{element[0]} {element[1]}\n")


if __name__ == "__main__":
    with beam.Pipeline(options=PipelineOptions(sys.argv[2:])) as pipeline:
        _ = (
            pipeline
            | beam.Create([(number % 7, number) for number in range(1000)])
            | beam.ParDo(Count())
            | beam.CombinePerKey(max)
            | beam.ParDo(Write(sys.argv[1]))
        )

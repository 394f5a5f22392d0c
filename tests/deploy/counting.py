"""A tiny stateful pipeline, run as a program: how many numbers each key has had."""

import sys
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec


class Count(beam.DoFn):
    SEEN = ReadModifyWriteStateSpec("seen", VarIntCoder())

    def process(
        self, element: tuple[int, int], seen=beam.DoFn.StateParam(SEEN)
    ) -> Iterator[tuple[int, int]]:
        count = (seen.read() or 0) + 1
        seen.write(count)
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

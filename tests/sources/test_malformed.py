"""The share of malformed lines: tallies add up, and the first 1,000 lines are looked at once."""

import apache_beam as beam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.malformed import (
    FIRST_LINES,
    CheckMalformed,
    FirstLines,
    MalformedInputError,
    MalformedTally,
)
from sources.parsing.malformed import Malformed, MalformedRows
from transforms.messages.dead_letters import NOT_A_NUMBER, TOO_FEW, DeadLetter, DeadLetterBatch

REASONS = (TOO_FEW, NOT_A_NUMBER)
BLOCKS = st.lists(st.lists(st.sampled_from((None, *REASONS)), max_size=700), max_size=5)


def letters(block: list[str | None], number: int) -> DeadLetterBatch:
    return DeadLetterBatch.of(
        DeadLetter(f"f:{number}.{row}", reason, "x", None)
        for row, reason in enumerate(block)
        if reason
    )


def rows(block: list[str | None]) -> MalformedRows:
    return MalformedRows.of(
        (row, Malformed(reason, None)) for row, reason in enumerate(block) if reason
    )


@given(BLOCKS)
def test_tallies_add_up(blocks: list[list[str | None]]) -> None:
    tally = MalformedTally()
    for number, block in enumerate(blocks):
        tally += MalformedTally.of(len(block), letters(block, number))
    lines = [reason for block in blocks for reason in block]
    assert tally.lines == len(lines)
    assert tally.counts == {name: lines.count(name) for name in REASONS if name in lines}
    for name in tally.counts:
        place = next(
            f"f:{number}.{block.index(name)}"
            for number, block in enumerate(blocks)
            if name in block
        )
        assert tally.examples[name] == f"'x' at {place}"


@given(BLOCKS, st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_the_first_lines_are_looked_at_in_whatever_blocks(
    blocks: list[list[str | None]], most: float
) -> None:
    lines = [reason for block in blocks for reason in block][:FIRST_LINES]
    wrong = sum(reason is not None for reason in lines)
    expected = len(lines) == FIRST_LINES and wrong > most * FIRST_LINES
    check = FirstLines(most)

    def read() -> None:
        for number, block in enumerate(blocks):
            check.add(len(block), rows(block), letters(block, number))

    if expected:
        with pytest.raises(MalformedInputError, match=f"{wrong:,} of the first 1,000 lines"):
            read()
    else:
        read()


def test_a_job_that_is_started_again_is_checked_again() -> None:
    check = FirstLines(0.5)
    bad, good = [TOO_FEW] * FIRST_LINES, [None] * FIRST_LINES
    for _ in range(2):
        with pytest.raises(MalformedInputError):
            check.add(len(bad), rows(bad), letters(bad, 0))
    check.add(len(good), rows(good), letters(good, 0))
    check.add(len(bad), rows(bad), letters(bad, 0))


def test_one_accepts_any_share() -> None:
    block = [TOO_FEW] * FIRST_LINES
    FirstLines(1.0).add(len(block), rows(block), letters(block, 0))
    MalformedTally.of(len(block), letters(block, 0)).check(1.0, "all")


@pytest.mark.parametrize(("most", "fails"), [(0.5, False), (0.49, True)])
def test_the_whole_input_is_checked_at_its_end(most: float, fails: bool) -> None:
    tallies = [MalformedTally.of(4, letters([TOO_FEW] * 4, 0)), MalformedTally(4), MalformedTally()]

    def run() -> None:
        with beam.Pipeline() as pipeline:
            _ = pipeline | beam.Create(tallies) | CheckMalformed(most)

    if not fails:
        run()
        return
    with pytest.raises(MalformedInputError, match=r"4 of all 8 lines.*'too few fields'.*f:0\.0"):
        run()


def test_an_input_without_a_line_is_accepted() -> None:
    with beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create([MalformedTally()]) | CheckMalformed(0.0)

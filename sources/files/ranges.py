"""The content of a range of a file, a block of lines or rows at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sources.errors import SourceError
from sources.files.blocks import MAX_LINE, Block, read_blocks
from sources.files.parquet import read_row_groups
from sources.files.plan import UNREADABLE, FileRange
from sources.parsing.blocks import MalformedLines, parse_rows
from sources.parsing.malformed import Malformed, MalformedRows, cut_text
from transforms.messages.dead_letters import TOO_LONG, DeadLetterBatch
from transforms.messages.events import TIME_LIMIT, EventBatch


@dataclass(frozen=True)
class FileLimits:
    """What is accepted of files.

    Attributes:
        max_future: how far an event may be ahead of the clock when it is read, in seconds; None
            for any.
        max_line: the longest line, in bytes.
        max_malformed: the largest share of malformed lines; 1 for any.
    """

    max_future: int | None = None
    max_line: int = MAX_LINE
    max_malformed: float = 1.0

    def latest(self) -> int:
        """The largest time that an event which is read now may have, in seconds."""
        return TIME_LIMIT if self.max_future is None else int(time.time()) + self.max_future


NO_LIMITS = FileLimits()


class ReadBlock(NamedTuple):
    """What a block of lines or rows held.

    Attributes:
        events: the events.
        letters: the dead letters of the malformed lines.
        malformed: the malformed lines, numbered within the block.
        ignored: how many lines a schema leaves out.
    """

    events: EventBatch
    letters: DeadLetterBatch
    malformed: MalformedRows
    ignored: int = 0


def read_range(piece: FileRange, limits: FileLimits = NO_LIMITS) -> Iterator[ReadBlock]:
    """A range's events and dead letters, a block at a time.

    Raises:
        SourceError: the file cannot be read to its end.
    """
    try:
        if piece.kind == "parquet":
            for rows in read_row_groups(piece):
                parsed = rows.parsed.without_future(limits.latest())
                letters = rows.letters(parsed.malformed)
                yield ReadBlock(parsed.events, letters, parsed.malformed, parsed.ignored)
            return
        for block in read_blocks(piece, max_line=limits.max_line):
            yield _parse(piece, block, limits)
    except UNREADABLE as error:
        raise SourceError(f"{piece.path} cannot be read to its end: {error}") from error


def _parse(piece: FileRange, block: Block, limits: FileLimits) -> ReadBlock:
    if block.size:
        malformed = MalformedRows.of([(0, Malformed(TOO_LONG, None))])
        raw = cut_text(block.lines, block.size)
        source = f"{piece.path}:byte {block.start}"
        detail = f"a line of {block.size:,} bytes, more than --max_line"
        letters = DeadLetterBatch.of_columns([source], [TOO_LONG], [raw], [None], [detail])
        return ReadBlock(EventBatch.empty(), letters, malformed)
    lines, layout = piece.lines, piece.layout

    def explain_one(reason: str, raw: str) -> str:
        from sources.schema.explain import explain, explain_line

        if lines is not None:
            return explain(reason, lines.values(raw), lines.schema)
        return explain_line(reason, raw, layout) if layout is not None else ""

    if lines is not None:
        parsed = lines.parse(block.lines)
    elif layout is not None:
        parsed = parse_rows(block.lines, layout)
    else:
        raise ValueError(f"{piece.path}: no layout and no schema")
    parsed = parsed.without_future(limits.latest())
    wrong = MalformedLines(block.lines, parsed.malformed)
    sources = [f"{piece.path}:byte {block.start + start}" for start in wrong.start]
    letters = wrong.letters(sources, explain_one)
    return ReadBlock(parsed.events, letters, parsed.malformed, parsed.ignored)

"""Frames that wait in state for the watermark.

They travel and wait as bytes behind a few moments of event time: a step lets them wait
without unpacking them, and a timer which finds most of them not ready yet reads the header
of each and no more.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.transforms.userstate import BagStateSpec

from transforms.columns.frames import Frame, FrameCoder
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows

KINDS: tuple[type[Frame], ...] = (EventBatch, PopularRows)
"""The frames that may wait. The place in the tuple is on the wire: append only."""


@dataclass(frozen=True, slots=True)
class BufferedFrame:
    """A frame that waits.

    Attributes:
        kind: its place in KINDS.
        rows: how many rows it has.
        start: none of its rows is before this moment (seconds of event time).
        ready_at: the moment at which it may be used.
        last: the time of its last row.
        encoded: all of it as bytes.
    """

    HEADER: ClassVar[struct.Struct] = struct.Struct("<BIqqq")

    kind: int
    rows: int
    start: int
    ready_at: int
    last: int
    encoded: bytes

    @staticmethod
    def read(encoded: bytes) -> BufferedFrame:
        """What `of_block` or `of_rankings` made, as it comes out of a stream or of state."""
        kind, rows, start, ready_at, last = BufferedFrame.HEADER.unpack_from(encoded)
        return BufferedFrame(kind, rows, start, ready_at, last, encoded)

    @staticmethod
    def of_block(block: EventBatch, pane: int) -> BufferedFrame:
        """A closed block, which waits for the end of its last pane."""
        first, last = int(block.time.min()), int(block.time.max())
        return BufferedFrame._of(block, first // pane * pane, (last // pane + 1) * pane, last)

    @staticmethod
    def of_rankings(rows: PopularRows) -> BufferedFrame:
        """Rankings, which are ready at their first window's end."""
        first = int(rows.window_end.min())
        return BufferedFrame._of(rows, first, first, int(rows.window_end.max()))

    @staticmethod
    def _of(frame: Frame, start: int, ready_at: int, last: int) -> BufferedFrame:
        kind, rows = KINDS.index(type(frame)), len(frame)
        header = BufferedFrame.HEADER.pack(kind, rows, start, ready_at, last)
        body = FrameCoder(type(frame)).encode(frame)
        return BufferedFrame(kind, rows, start, ready_at, last, header + body)

    @property
    def is_block(self) -> bool:
        """Whether it is a closed block."""
        return KINDS[self.kind] is EventBatch

    def frame(self) -> Any:
        """The frame itself."""
        return FrameCoder(KINDS[self.kind]).decode(memoryview(self.encoded)[self.HEADER.size :])


def buffer_spec(name: str) -> BagStateSpec:
    """The state in which frames wait, as bytes."""
    return BagStateSpec(name, beam.coders.BytesCoder())


@dataclass(frozen=True, slots=True)
class Ready:
    """What was waiting and is ready now.

    Attributes:
        now: the moment up to which all that is ready has been taken: the moment that was asked
            for, or the start of a block that reaches beyond it. (A block of several panes does;
            its own timer comes to all that is due inside it.)
        events: the blocks' events by (user, time, item).
        rankings: rankings in any order; some of their windows may end later.
        blocks: blocks that still wait.
    """

    now: int
    events: EventBatch
    rankings: Sequence[PopularRows]
    blocks: Sequence[BufferedFrame]


def pop_ready(state: Any, now: int, done: int) -> Ready | None:
    """Takes what is ready at `now` out of the state.

    None, and all is left as it is, where a block reaches over both `now` and `done`, the moment
    up to which all was taken before.
    """
    waiting = [BufferedFrame.read(encoded) for encoded in state.read()]
    blocks = [pending for pending in waiting if pending.is_block]
    now = min(now, min((b.start for b in blocks if b.ready_at > now), default=now))
    if now <= done:
        return None
    ready = [pending for pending in waiting if pending.ready_at <= now]
    if ready:
        state.clear()
        for pending in waiting:
            if pending.ready_at > now:
                state.add(pending.encoded)
    parts = [pending.frame() for pending in ready if pending.is_block]
    events = EventBatch.concat(parts) if parts else EventBatch.empty()
    return Ready(
        now,
        events.ordered() if len(parts) > 1 else events,
        [pending.frame() for pending in ready if not pending.is_block],
        [block for block in blocks if block.ready_at > now],
    )

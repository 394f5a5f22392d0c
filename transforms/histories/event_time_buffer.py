"""Frames that are buffered in state until the watermark reaches their time.

A buffered frame is a short header of event times and the encoded frame. A step buffers a frame
without decoding it. A timer reads the headers and decodes only the frames that are ready.
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
"""The types of frames. The index in the tuple is part of the state format: only append."""


@dataclass(frozen=True, slots=True)
class BufferedFrame:
    """A frame in the buffer. All times are in seconds since the epoch.

    Attributes:
        kind: index of its type in KINDS.
        rows: number of its rows.
        start: no row is before this time.
        ready_at: the frame may be used when all data before this time has arrived.
        last: time of its last row.
        encoded: the header and the frame, as bytes.
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
        """Reads the header of what `of_block` or `of_rankings` encoded."""
        kind, rows, start, ready_at, last = BufferedFrame.HEADER.unpack_from(encoded)
        return BufferedFrame(kind, rows, start, ready_at, last, encoded)

    @staticmethod
    def of_block(block: EventBatch, pane: int) -> BufferedFrame:
        """A closed block, which is ready at the end of its last pane.

        Args:
            block: at least one event.
            pane: seconds of event time in a pane.
        """
        first, last = int(block.time.min()), int(block.time.max())
        return BufferedFrame._of(block, first // pane * pane, (last // pane + 1) * pane, last)

    @staticmethod
    def of_rankings(rows: PopularRows) -> BufferedFrame:
        """Rankings, which are ready at the end of their first window."""
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
        """Whether the frame is a closed block."""
        return KINDS[self.kind] is EventBatch

    def frame(self) -> Any:
        """Decodes the frame."""
        return FrameCoder(KINDS[self.kind]).decode(memoryview(self.encoded)[self.HEADER.size :])


def buffer_spec(name: str) -> BagStateSpec:
    """The state of a buffer."""
    return BagStateSpec(name, beam.coders.BytesCoder())


@dataclass(frozen=True, slots=True)
class Ready:
    """The frames that were ready, taken out of the buffer.

    Attributes:
        complete_until: all blocks with events before this time have been taken. It is the time
            that was asked for, or the start of a block that contains that time: the timers of
            such a block, which spans several panes, emit what is due inside it.
        events: the blocks' events, by (user, time, item).
        rankings: rankings in any order; some of their windows may end later.
        blocks: the blocks that remain in the buffer.
    """

    complete_until: int
    events: EventBatch
    rankings: Sequence[PopularRows]
    blocks: Sequence[BufferedFrame]


def pop_ready(state: Any, time: int, complete_until: int) -> Ready | None:
    """Takes the frames out of the buffer that are ready at `time`.

    Args:
        state: the buffer.
        time: all data before this time has arrived.
        complete_until: all blocks with events before this time were taken earlier.

    Returns:
        None, with the buffer unchanged, if a block contains both `time` and `complete_until`.
    """
    buffered = [BufferedFrame.read(encoded) for encoded in state.read()]
    blocks = [frame for frame in buffered if frame.is_block]
    time = min(time, min((b.start for b in blocks if b.ready_at > time), default=time))
    if time <= complete_until:
        return None
    ready = [frame for frame in buffered if frame.ready_at <= time]
    if ready:
        state.clear()
        for frame in buffered:
            if frame.ready_at > time:
                state.add(frame.encoded)
    batches = [frame.frame() for frame in ready if frame.is_block]
    events = EventBatch.concat(batches) if batches else EventBatch.empty()
    return Ready(
        time,
        # Panes are of distinct events, of which several may be equal but for ids of their own.
        events.ordered(distinct=False) if len(batches) > 1 else events,
        [frame.frame() for frame in ready if not frame.is_block],
        [block for block in blocks if block.ready_at > time],
    )

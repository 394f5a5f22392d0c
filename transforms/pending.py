"""Frames that wait in state for the watermark.

They wait as bytes behind two moments of event time, so that a timer which finds most of
them not ready yet reads sixteen bytes of each and no more.
"""

from __future__ import annotations

import struct
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.transforms.userstate import BagStateSpec

from transforms.events import EventBatch
from transforms.frames import Frame, FrameCoder

F = TypeVar("F", bound=Frame)
_SPAN = struct.Struct("<qq")


def pending_spec(name: str) -> BagStateSpec:
    """The state in which frames wait."""
    return BagStateSpec(name, beam.coders.BytesCoder())


def put(state: Any, frame: Frame, start: int, ready_at: int) -> None:
    """Lets `frame`, whose rows are at `start` or later, wait until `ready_at`."""
    state.add(_SPAN.pack(start, ready_at) + FrameCoder(type(frame)).encode(frame))


def put_block(state: Any, block: EventBatch, pane: int) -> int:
    """Lets a sealed block wait for the end of its last pane, and gives that moment."""
    end = (int(block.time.max()) // pane + 1) * pane
    put(state, block, int(block.time.min()) // pane * pane, end)
    return end


def pop_ready(state: Any, frame_type: type[F], now: int) -> list[F]:
    """Takes what is ready at `now` out of the state, by the moment of readiness."""
    return _pop(state, list(state.read()), frame_type, now)


def pop_blocks(state: Any, now: int) -> tuple[EventBatch, int]:
    """Takes the sealed blocks that are ready at `now` out of the state.

    Returns:
        The blocks' events by (user, time, item), and the moment up to which all events have
        been applied with them: `now`, or the start of a block that reaches beyond it. (A
        block of several panes does; its own timer comes to all that is due inside it.)
    """
    waiting = list(state.read())
    spans = [_SPAN.unpack_from(encoded) for encoded in waiting]
    settled = min((start for start, ready_at in spans if ready_at > now), default=now)
    settled = min(settled, now)
    blocks = _pop(state, waiting, EventBatch, settled)
    if not blocks:
        return EventBatch.empty(), settled
    events = EventBatch.concat(blocks)
    return events.ordered() if len(blocks) > 1 else events, settled


def _pop(state: Any, waiting: list[bytes], frame_type: type[F], now: int) -> list[F]:
    ready_at = [_SPAN.unpack_from(encoded)[1] for encoded in waiting]
    ready = [place for place, moment in enumerate(ready_at) if moment <= now]
    if not ready:
        return []
    state.clear()
    for encoded, moment in zip(waiting, ready_at, strict=True):
        if moment > now:
            state.add(encoded)
    coder = FrameCoder(frame_type)
    ready.sort(key=lambda place: ready_at[place])
    return [coder.decode(waiting[place][_SPAN.size :]) for place in ready]  # type: ignore[misc]

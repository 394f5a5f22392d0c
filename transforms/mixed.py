"""Streams that mix several kinds of frames, for steps that join them in state."""

from __future__ import annotations

import apache_beam as beam

from transforms.events import EventBatch
from transforms.frames import Frame, FrameCoder
from transforms.popular import PopularRows
from transforms.recommendations import Recommendations

KINDS: tuple[type[Frame], ...] = (EventBatch, PopularRows, Recommendations)
"""The frames that may be mixed. The place in the tuple is on the wire: append only."""


class Mixed:
    """Type hint for a frame of any of KINDS."""


class MixedCoder(beam.coders.Coder):
    """Writes a frame behind a byte that names its kind."""

    def encode(self, value: Frame) -> bytes:
        """The kind and the frame as bytes."""
        kind = type(value)
        return bytes([KINDS.index(kind)]) + FrameCoder(kind).encode(value)

    def decode(self, encoded: bytes) -> Frame:
        """The frame that `encode` wrote."""
        return FrameCoder(KINDS[encoded[0]]).decode(encoded[1:])

    def is_deterministic(self) -> bool:
        """Equal frames have equal bytes."""
        return True

    def to_type_hint(self) -> type[Mixed]:
        """What it codes."""
        return Mixed


beam.coders.registry.register_coder(Mixed, MixedCoder)

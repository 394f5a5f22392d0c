"""Times of the day as people write them: 8:53, 08:53:10, 8:53 PM."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.parsing.malformed import Bools, Int64s

SHAPE = (
    r"^(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:[.,][0-9]+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?$"
)
_NOON = 12


def clock_seconds(words: pa.Array) -> tuple[Int64s, Bools]:
    """Seconds of the day.

    Args:
        words: an array [n] of texts, without blanks around them.

    Returns:
        int64 [n], fractions cut off, 0 where there is no time; and whether there is one, bool [n].
        Without AM or PM the hours are 0 to 23, with it 1 to 12.
    """
    parts = pc.extract_regex(words, SHAPE)
    hour, minute, second = (
        pc.if_else(pc.equal(each, ""), "0", each).cast(pa.int64()).fill_null(0).to_numpy()
        for each in (pc.struct_field(parts, name) for name in ("hour", "minute", "second"))
    )
    half = pc.utf8_lower(pc.struct_field(parts, "half")).fill_null("")
    is_late = pc.equal(half, "p").to_numpy(zero_copy_only=False)
    is_half = pc.not_equal(half, "").to_numpy(zero_copy_only=False)
    valid: Bools = parts.is_valid().to_numpy(zero_copy_only=False)
    valid &= np.where(is_half, (hour >= 1) & (hour <= _NOON), hour < 2 * _NOON)
    hour = np.where(is_half, hour % _NOON + _NOON * is_late, hour)
    return np.where(valid, (hour * 60 + minute) * 60 + second, 0), valid

"""Texts of items as stores, the API and the page may have them."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.messages.catalogue_items import CONTROLS, IMAGE

MAX_TEXT = 2_048
"""Longest text of an item, in characters; a longer one is cut."""

_LOG = logging.getLogger(__name__)

_SPACE, _DELETE, _C1 = 0x20, 0x7F, 0xC2


def clean(texts: pa.Array, part: str) -> pa.Array:
    """The texts of a part, cut to `MAX_TEXT` characters, without control characters.

    An image whose address is none of http or https, or is longer, is left out.

    Args:
        texts: an array [n], with nulls.
        part: `category`, `title` or `image`.
    """
    if part == "image":
        allowed = pc.match_substring_regex(texts, f"^(?:{IMAGE.pattern})$")
        allowed = pc.and_(allowed, pc.less_equal(pc.utf8_length(texts), MAX_TEXT))
        left_out = pc.sum(pc.invert(allowed)).as_py()
        if left_out:
            _LOG.warning(
                "%d images of the catalogue are left out: their addresses are none of http or "
                "https, or longer than %d characters", left_out, MAX_TEXT,
            )  # fmt: skip
        return pc.if_else(allowed.fill_null(False), texts, None)
    if _may_have_controls(texts):
        texts = pc.replace_substring_regex(texts, CONTROLS.pattern, "")
    return pc.utf8_slice_codeunits(texts, 0, MAX_TEXT)


def _may_have_controls(texts: pa.Array) -> bool:
    """Whether a byte is, or begins, a control character: a look at the bytes, not at each text."""
    if texts.null_count == len(texts) or not texts.buffers()[2]:
        return False
    first, last = np.frombuffer(texts.buffers()[1], np.int32)[
        [texts.offset, texts.offset + len(texts)]
    ]
    letters = np.frombuffer(texts.buffers()[2], np.uint8)[first:last]
    return bool(((letters < _SPACE) | (letters == _DELETE) | (letters == _C1)).any())

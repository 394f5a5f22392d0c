"""The lines of a block that Arrow may read differently from RFC 4180."""

from __future__ import annotations

import codecs

import numpy as np

from sources.parsing.line_index import QUOTE, RETURN, LineIndex
from sources.parsing.malformed import Int64s


def special_rows(text: bytes, *, quotes: bool) -> Int64s | None:
    """The rows that are to be parsed one by one, in order.

    Those with a lone carriage return, with bytes that are not UTF-8, or with what may be a byte
    order mark.

    Args:
        text: a block of lines.
        quotes: whether also those with a quote.

    Returns:
        Their numbers, int64 [k]; None, without an index of the lines, for none.
    """
    # Arrow drops a byte order mark at the beginning of its input. Once other rows are taken
    # out, that can be any row.
    marked = codecs.BOM_UTF8 in text
    quoted = quotes and b'"' in text
    lone_return = b"\r" in text and text.count(b"\r") != text.count(b"\r\n")
    valid = text.isascii() or _is_utf8(text)
    if valid and not (marked or quoted or lone_return):
        return None
    octets = np.frombuffer(text, np.uint8)
    special = np.zeros(len(text), bool)
    if quoted:
        special |= octets == QUOTE
    if lone_return:
        special |= octets == RETURN  # The one of a CR LF is outside of its line.
    if marked or not valid:
        special |= octets >= 0x80
    return LineIndex.of(text).rows_with(np.flatnonzero(special))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

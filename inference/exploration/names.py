"""The designs of exploration, by the names of `--explore`. This module needs no NumPy."""

from __future__ import annotations

import math

NONE, EPSILON, SOFTMAX = "none", "epsilon", "softmax"


def parse_explore(text: str) -> tuple[str, float]:
    """The design of `--explore` and its number.

    Returns:
        NONE, EPSILON or SOFTMAX; and the share or the temperature, 0.0 for NONE.

    Raises:
        ValueError: the text is none of them.
    """
    design, colon, number = text.partition(":")
    if text == NONE:
        return NONE, 0.0
    try:
        value = float(number) if colon else math.nan
    except ValueError:
        value = math.nan
    if design == EPSILON and 0 < value <= 1:
        return design, value
    if design == SOFTMAX and 0 < value < math.inf:
        return design, value
    raise ValueError(
        f"{text!r}: take none, epsilon:SHARE with a share above 0 and at most 1, "
        "or softmax:TEMPERATURE with a temperature above 0"
    )

"""What users do on items. It stands apart so that the page's server need not load Beam for it."""

from __future__ import annotations

import numpy as np

BEHAVIORS = ("pv", "cart", "fav", "buy")
"""Names of the behaviors; an event carries the index into this tuple as its code."""

REWARDS = np.array([1.0, 2.0, 2.0, 3.0], dtype=np.float32)
"""Reward of an event by its behavior's code, never less for a greater one (spec section 5)."""

"""Behaviors of users towards items. Needs no Beam, so that the web server can import it."""

from __future__ import annotations

import numpy as np

BEHAVIORS = ("pv", "cart", "fav", "buy")
"""Names of the behaviors. An event's code is an index into this tuple."""

REWARDS = np.array([1.0, 2.0, 2.0, 3.0], dtype=np.float32)
"""Rewards by code, ascending: a greater code never has a smaller reward (spec section 5)."""

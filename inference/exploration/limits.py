"""Limits of exploration."""

MAX_CANDIDATES = 1 << 10
"""Most candidates of a list."""

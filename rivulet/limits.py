"""Limits that several packages have as a default."""

MAX_FUTURE = 300
"""Seconds after the clock up to which a time is valid: of an event, and of a row in a store."""

"""The error of an input that cannot be read as asked: one line, meant for its user."""

from __future__ import annotations

from rivulet.errors import UserError


class SourceError(UserError, ValueError):
    """What is wrong with an input, where, and what to do, in one line."""

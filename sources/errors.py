"""The error of an input that cannot be read as asked: one line, meant for its user."""


class SourceError(ValueError):
    """What is wrong with an input, where, and what to do, in one line."""

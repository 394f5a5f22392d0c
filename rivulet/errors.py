"""The error that a command shows its user as one line."""


class UserError(Exception):
    """What was asked for cannot be done: one line that says what is wrong, where, what to do."""

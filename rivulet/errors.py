"""The errors that no retry resolves, and those of them that a command shows as one line."""


class PermanentError(Exception):
    """A job that is restarted after this error meets it again."""


class UserError(PermanentError):
    """What was asked for cannot be done: one line that says what is wrong, where, what to do."""

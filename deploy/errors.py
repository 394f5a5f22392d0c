"""The one error of this package."""


class DeployError(RuntimeError):
    """A server cannot be had or does not start; the text says what to do."""

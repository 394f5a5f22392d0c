"""Errors of schemas in a registry."""


class SchemaError(ValueError):
    """A schema cannot be used: why, in words."""

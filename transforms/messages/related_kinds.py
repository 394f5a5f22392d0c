"""The kinds of related items. The module imports no NumPy, which --help must not wait for."""

KINDS = ("bought", "viewed")
"""A kind's code is its place. `bought` is of purchases alone, `viewed` of all events."""

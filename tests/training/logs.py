"""Feedback logs made from others."""

import pyarrow as pa


def without_exploration(table: pa.Table) -> pa.Table:
    """The log with propensities of 1 and no place marked as drawn."""
    lengths = [len(each) for each in table["propensities"].to_pylist()]
    ones = pa.array([[1.0] * length for length in lengths])
    nothing = pa.array([[False] * length for length in lengths])
    table = table.drop_columns(["propensities", "explored"])
    return table.append_column("propensities", ones).append_column("explored", nothing)

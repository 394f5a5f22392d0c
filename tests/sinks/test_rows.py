"""Lists of numbers as JSON."""

import json

import numpy as np
import pytest

from sinks.rows import json_lists


@pytest.mark.parametrize(
    "rows", [[], [[]], [[1.0, 1.0], [1.0]], [[0.5, 0.25], [1.0]], [[], [0.5]], [[3, 2**63 - 1], []]]
)
def test_lists_without_the_padding(rows: list[list[float]]) -> None:
    matrix = np.zeros((len(rows), 2), np.int64 if [3, 2**63 - 1] in rows else np.float32)
    for place, row in enumerate(rows):
        matrix[place, : len(row)] = row
    length = np.array([len(row) for row in rows], np.int64)
    assert [json.loads(text) for text in json_lists(matrix, length)] == rows

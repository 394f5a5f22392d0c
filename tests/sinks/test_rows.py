"""Rows and documents, column by column, against plain ones."""

import json

import numpy as np
import pytest
from bson import decode
from hypothesis import given
from hypothesis import strategies as st

from sinks.mongo import documents as to_documents
from sinks.mongo import raw_bson
from sinks.rows import json_lists
from tests.sinks.frames import recommendations
from transforms.messages.recommendations import Recommendations

IDS = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    "rows", [[], [[]], [[1.0, 1.0], [1.0]], [[0.5, 0.25], [1.0]], [[], [0.5]], [[3, 2**63 - 1], []]]
)
def test_lists_without_the_padding(rows: list[list[float]]) -> None:
    matrix = np.zeros((len(rows), 2), np.int64 if [3, 2**63 - 1] in rows else np.float32)
    for place, row in enumerate(rows):
        matrix[place, : len(row)] = row
    length = np.array([len(row) for row in rows], np.int64)
    assert [json.loads(text) for text in json_lists(matrix, length)] == rows


@given(
    st.lists(
        st.tuples(
            *(IDS, IDS, st.lists(IDS, max_size=8), st.sampled_from(["popular", "Größe-1"])),
            *(st.floats(0, 1, width=32), IDS),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_raw_documents_are_the_plain_ones(
    rows: list[tuple[int, int, list[int], str, float, int]],
) -> None:
    frame = Recommendations.concat(
        [recommendations((row[0], row[1], row[2]), policy=row[3]) for row in rows]
    )
    frame.propensities[:] = np.array([row[4] for row in rows], np.float32)[:, None]
    frame.last_reward[:] = [row[5] for row in rows]
    documents = [decode(document.raw) for document in raw_bson.results(frame)]
    expected = to_documents.results(frame)
    assert documents == expected
    assert [list(document) for document in documents] == [list(expected[0])] * len(rows)

"""Open recommendations of a job that was resumed with other sizes."""

import numpy as np

from transforms.feedback.open_table import OpenTable


def table(user: int, items: list[int], width: int, history: int) -> OpenTable:
    padded = np.array([[*items, *[0] * (width - len(items))]], np.int64)
    valid = np.arange(width) < len(items)
    one = np.array([user], np.int64)
    return OpenTable(
        one,
        one * 20,
        padded,
        np.array([len(items)]),
        np.zeros(1, np.int64),
        valid[None].astype(np.int8),
        valid[None],
        np.zeros(1, bool),
        valid[None].astype(np.float32),
        np.full((1, history), -9),
        np.array([history]),
    )


def test_tables_of_other_widths_are_joined_and_padded() -> None:
    joined = OpenTable.joined([table(1, [5, -6], 2, 3), table(2, [7], 4, 0), table(3, [], 1, 1)])
    assert joined.items.tolist() == [[5, -6, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0]]
    assert joined.length.tolist() == [2, 1, 0]
    assert joined.history.tolist() == [[-9, -9, -9], [0, 0, 0], [-9, 0, 0]]
    assert joined.seen.tolist() == [[True, True, False, False], [True, *[False] * 3], [False] * 4]
    for column, of in zip(joined.columns(), table(1, [5], 2, 3).columns(), strict=True):
        assert column.dtype == of.dtype


def test_empty_tables_do_not_matter() -> None:
    only = table(1, [5], 2, 3)
    empty = table(2, [], 5, 7).take(slice(0))
    assert OpenTable.joined([empty, only]).items.tolist() == [[5, 0]]

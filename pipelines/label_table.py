"""A table of labels and values, as summaries print it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def label_table(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """A table of labels, and of values at the right.

    Args:
        title: of the table.
        rows: labels and values.
    """
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    for label, value in rows:
        table.add_row(label, value)
    return table

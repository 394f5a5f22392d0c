"""A shard's table of users: its layout, and what a merge keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from transforms.histories.bought import BoughtTable
from transforms.histories.rules import HistoryRules
from transforms.histories.table import HistoryTable
from transforms.messages.tombstones import NO_TOMBSTONES, Tombstones
from transforms.tables.layout import Layout, RowKind, Rows


def layout_of(size: int) -> Layout:
    """The layout of a shard's table, with histories of `size` items and with purchases."""
    histories = RowKind(
        HistoryTable, True, partial(HistoryTable.empty, size), partial(_joined_histories, size)
    )
    return Layout((histories, RowKind(BoughtTable, False, BoughtTable.empty, BoughtTable.concat)))


def kept_after(
    rules: HistoryRules, complete_until: int, tombstones: Tombstones = NO_TOMBSTONES
) -> Callable[[Rows], Rows]:
    """What a merge keeps, when all events before `complete_until` have been applied.

    With a `ttl`, users leave who have no later ranking time and whose history would start anew
    with their next event. Purchases leave that count at no later time, and all rows that a
    tombstone ends.
    """

    def kept(rows: Rows) -> Rows:
        histories, bought = rows
        if len(tombstones):
            histories = histories.take(tombstones.keeps(histories.user, histories.last))
            bought = tombstones.kept(bought)
        if rules.ttl:
            oldest = complete_until - max(rules.ttl, rules.schedule.window)
            histories = histories.take(histories.last >= oldest)
        return histories, bought.counting_after(complete_until, rules.exclude_bought)

    return kept


def _joined_histories(size: int, tables: Sequence[HistoryTable]) -> HistoryTable:
    # A resumed job may have another size of history.
    return HistoryTable.concat([table.resized(size) for table in tables])

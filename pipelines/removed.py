"""The table of what a command removed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sinks.repair import Repaired


def print_removed(program: str, found: Sequence[Repaired], dry_run: bool) -> int:
    """Prints what was removed from each store, and the errors on stderr.

    Args:
        program: how errors name the command.
        found: what was found in each store.
        dry_run: whether nothing was changed.

    Returns:
        The exit status: 0; 1 if there was an error.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("store", "of", "would be removed" if dry_run else "removed")
    for one in found:
        for name, count in one.removed.items():
            table.add_row(one.store, name, f"{count:,}")
        if not one.removed and one.error is None:
            table.add_row(one.store, "", "nothing")
    if table.row_count:
        Console(highlight=False, soft_wrap=True).print(table)
    errors = [one for one in found if one.error is not None]
    for one in errors:
        print(f"{program}: {one.store}: {one.error}", file=sys.stderr)
    return 1 if errors else 0

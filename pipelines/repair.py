"""Removes from stores what has a time in the future.

    python -m pipelines.repair --store sqlite:///rivulet.db --store redis://localhost/0 --dry_run

An event whose time is wrong may have left rows with times years ahead. The command prints what it
removed from each store; with --dry_run, what it would remove.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rivulet.errors import UserError
from rivulet.limits import MAX_FUTURE
from rivulet.settings import ArgumentParser, option


@dataclass(frozen=True)
class RepairSettings:
    """Repair.

    Attributes:
        store: a store: an SQLAlchemy URL, mongodb:// or redis://, with ${NAME} for secrets from the
            environment; can be given several times.
        max_future: times that are further ahead of the clock are removed.
        dry_run: print what would be removed, and change nothing.
    """

    store: tuple[str, ...] = option((), "URL", shown="required", secret=True)
    max_future: int = option(MAX_FUTURE, "SECONDS", least=0)
    dry_run: bool = option(False)

    def problems(self) -> list[str]:
        """Errors in the values, one line each."""
        return [] if self.store else ["--store names the store to repair"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; `sys.argv`'s by default.

    Returns:
        The exit status: 0; 1 if a store could not be repaired.
    """
    parser = ArgumentParser(prog="python -m pipelines.repair", description=__doc__)
    parser.add_settings(RepairSettings)
    chosen = parser.settings_of(RepairSettings, parser.parse_args(arguments))

    from pipelines.removed import print_removed
    from sinks.options import open_sources
    from sinks.repair import repair

    try:
        sources = open_sources(chosen.store)
    except UserError as error:
        parser.error(str(error))
    found = repair(sources, chosen.max_future, chosen.dry_run)
    return print_removed(parser.prog, found, chosen.dry_run)


if __name__ == "__main__":
    sys.exit(main())

r"""Removes a user from running jobs, from stores and from the feedback log.

    python -m pipelines.forget --user 42 --store sqlite:///rivulet.db --store redis://localhost/0 \
        --feedback LOG --forget forgotten.csv --dry_run

The command prints what it removed, or with --dry_run what it would remove, and what a running job
still has of the user. It can be repeated. docs/how-to/forget-a-user.md has more on both, and on
other copies.
"""

from __future__ import annotations

import sys
import time as clocks
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser, option

TOLD = """\
Jobs that run with this --forget drop what they hold of the user at their first ranking time from
{time} on. What is then on its way to a store, and feedback that was final before, may be written
later: run the command again after --feedback_window (600 s of event time)."""

REMAINS = """\
A running job still has in its state, in seconds of event time:
  the user's history: --history_ttl after the last event; without it, as long as the job runs;
  what the user bought: --exclude_bought after it was bought;
  the user's lists: --reward_window after each, and the latest as long as the history.
With the user's next event it writes them again. A job that runs with --forget drops
all of that at once: give this command the same --forget."""


@dataclass(frozen=True)
class ForgetSettings:
    """Forgetting a user.

    Attributes:
        user: the user's id.
        store: a store: an SQLAlchemy URL, mongodb:// or redis://, with ${NAME} for secrets from the
            environment; can be given several times.
        feedback: folder of a feedback log; can be given several times.
        forget: what running jobs have as their --forget: a file of CSV or JSON lines, which gets a
            row, or kafka://HOST:PORT[,HOST:PORT]/TOPIC. With ${NAME} for secrets from the
            environment.
        time: what the user did up to this time leaves the jobs, in seconds since the epoch.
        dry_run: print what would be removed, and change nothing.
    """

    user: str = option(metavar="ID")
    store: tuple[str, ...] = option((), "URL", shown="none", secret=True)
    feedback: tuple[Path, ...] = option((), "DIR", shown="none")
    forget: str | None = option(None, "URL", shown="no job is told", secret=True)
    time: int | None = option(None, "S", shown="now")
    dry_run: bool = option(False)

    def problems(self) -> Iterator[str]:
        """Errors in the values, one line each."""
        if not self.user:
            yield "--user is empty"
        if not self.store and not self.feedback and self.forget is None:
            yield "--store, --feedback or --forget names where the user is removed"
        if self.forget is not None and not self.forget.strip():
            yield "--forget is empty: give a path or a URL"
        if self.time is not None and self.forget is None:
            yield "--time has no effect without --forget"
        if self.time is not None and not 0 <= self.time <= clocks.time():
            yield "--time must be seconds since the epoch, and not of the future"
        for folder in self.feedback:
            if not folder.is_dir():
                yield f"--feedback {folder}: there is no such folder"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; `sys.argv`'s by default.

    Returns:
        The exit status: 0; 1 if the user could not be removed everywhere.
    """
    parser = ArgumentParser(prog="python -m pipelines.forget", description=__doc__)
    parser.add_settings(ForgetSettings)
    chosen = parser.settings_of(ForgetSettings, parser.parse_args(arguments))

    from pipelines.removed import print_removed
    from pipelines.tombstones import tell
    from sinks.forget import forget_in_log, forget_in_stores
    from sinks.options import open_sources
    from sinks.repair import Repaired
    from sinks.retry import error_line

    moment = int(clocks.time()) if chosen.time is None else chosen.time
    try:
        sources = open_sources(chosen.store) if chosen.store else []
        if chosen.forget is not None and not chosen.dry_run:
            # Before the stores: else the job may write the user again.
            tell(chosen.forget, chosen.user, moment)
    except UserError as error:
        parser.error(str(error))
    found = forget_in_stores(sources, chosen.user, chosen.dry_run)
    for folder in chosen.feedback:
        try:
            rows = forget_in_log(folder, chosen.user, chosen.dry_run)
            found.append(Repaired(str(folder), {"feedback": rows} if rows else {}))
        except Exception as error:  # A broken file is of Arrow's errors or the system's.
            found.append(Repaired(str(folder), {}, error_line(error)))
    status = print_removed(parser.prog, found, chosen.dry_run)
    if chosen.forget is None:
        print(REMAINS)
    else:
        print(TOLD.format(time=moment) if not chosen.dry_run else "--forget would get a row")
    return status


if __name__ == "__main__":
    sys.exit(main())

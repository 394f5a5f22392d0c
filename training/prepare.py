"""Makes a data set from raw logs; all else in `training` reads data sets.

Sorts the events by (user, time, item, label), drops exact duplicates, puts ages into buckets and
joins the side features. Writes, in the folder of `--output`:

- `events.parquet`: user, item (int64 or string), time (int64), label (string: pv, cart, fav, buy),
  sex, age (bucket), pur_power, category, shop, brand (int64; -1 where unknown). A category is text
  where any is text; then "" stands for an unknown one;
- `tianchi.csv`: the same columns in the same order, with a header, for the pipelines;
- `feedback.parquet`: the feedback logs among the inputs, by user and time (only if there are any);
  their events are rebuilt where the inputs have no others, which loses behaviors;
- `meta.json`: counts, the options used, and a fingerprint of the events.

    python -m training.prepare --input user.csv item.csv user_behavior.csv --output data
    python -m training.prepare --input 'mysql://shop:${PASSWORD}@db/clicks' LOG --output data
"""

from __future__ import annotations

from typing import Any

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.cli import fail, run_command
from training.datasets.options import EventFilters, PrepareSettings, UserSample

COUNTS = (
    "rows",
    "malformed",
    "ignored",
    "duplicates",
    "different_events",
    "users",
    "items",
    "events",
)


def _print_summary(meta: dict[str, Any], output: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"prepared into {output}", show_header=False)
    for name in COUNTS:
        table.add_row(name.replace("_", " "), f"{meta[name]:,}")
    table.add_row("labels", ", ".join(f"{name} {n:,}" for name, n in meta["labels"].items()))
    found = meta["categories"]
    if found["count"]:
        dropped = (
            f"; {found['items_dropped']:,} items have one of {found['dropped']:,} others "
            "(--most_categories)"
        )
        said = f"{found['items']:,} of {meta['items']:,} ({found['count']:,} categories)"
        table.add_row("items with a category", said + (dropped if found["dropped"] else ""))
    left_out = meta["left_out"]
    for cost in left_out["filters"]:
        share = cost["events"] / meta["different_events"]
        table.add_row(
            f"left out by {cost['filter']}",
            f"{cost['events']:,} events ({share:.0%}), {cost['users']:,} users, "
            f"{cost['items']:,} items",
        )
    if left_out["filters"] and "lists" in left_out:
        table.add_row("left out with their users", f"{left_out['lists']:,} recommendations")
    if meta["rebuilt"]:
        table.add_row(
            "rebuilt from the feedback log",
            f"{meta['rebuilt']:,} events: carts, favourites and purchases of items that were not "
            "recommended are lost or count as pv; give the job's store or clicks as --input too",
        )
    if log := meta.get("log"):
        assumed = " (assumed: the log does not say it; --reward_window)"
        said = assumed if log["assumed_reward_window"] else ""
        table.add_row("reward window", f"{log['reward_window']} s{said}")
    table.add_row("fingerprint", meta["fingerprint"][:16])
    Console().print(table)


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.prepare",
        description="Make a data set from raw logs: sorted, without duplicates, with features.",
    )
    parser.add_settings(PrepareSettings)
    parser.add_settings(EventFilters)
    parser.add_settings(UserSample)
    given = parser.parse_args(argv)
    settings = parser.settings_of(PrepareSettings, given)
    filters = parser.settings_of(EventFilters, given)
    sample = parser.settings_of(UserSample, given)

    import duckdb
    import pyarrow as pa

    from training.datasets.preparation import prepare
    from training.datasets.raw_files import find_files
    from training.datasets.stored_events import is_url

    try:
        paths = [each for each in settings.input if not is_url(each)]
        files = find_files(
            paths, settings.columns, settings.output, schema=settings.schema is not None
        )
        meta = prepare(files, settings, sample, filters)
    except (UserError, duckdb.Error, pa.ArrowException, OSError) as error:
        fail(parser.prog, error)
    _print_summary(meta, str(settings.output))
    return 0


if __name__ == "__main__":
    run_command(main)

"""Versions of a model: lists them, promotes one, rolls back.

    python -m training.models list --models MODELS
    python -m training.models promote --models MODELS --version v2
    python -m training.models rollback --models MODELS

MODELS holds model directories, a file CURRENT with the name of the one in use, and decisions.jsonl
with a line for each decision. Running jobs follow CURRENT.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser, option
from training.cli import fail, run_command

ACTIONS = ("list", "promote", "rollback")


@dataclass(frozen=True)
class ModelsSettings:
    """Versions.

    Attributes:
        models: folder of versions.
        version: version to promote or to roll back to.
        json: file to write the list to, as JSON.
    """

    models: Path = option(metavar="MODELS")
    version: str = option("", "NAME", shown="rollback: the version in use before")
    json: Path | None = option(None, "FILE")


def problems(settings: ModelsSettings, action: str) -> Iterator[str]:
    """Options that an action does not have, or needs."""
    if action == "promote" and not settings.version:
        yield "promote needs a --version"
    if action == "list" and settings.version:
        yield "--version is of promote and rollback"
    if action != "list" and settings.json:
        yield "--json is of list"


def _list(settings: ModelsSettings) -> str:
    from training.promotion.decisions import in_use, read_decisions, versions

    now = in_use(settings.models)
    said = {each.candidate: each for each in read_decisions(settings.models)}
    rows = [
        {
            "version": name,
            "label": info.label,
            "in_use": name == now,
            "metrics": info.metrics,
            "decision": asdict(said[name]) if name in said else None,
        }
        for name, info in versions(settings.models)
    ]
    if settings.json:
        settings.json.parent.mkdir(parents=True, exist_ok=True)
        settings.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    lines = ["| version | policy | in use | last decision |", "|---|---|---|---|"]
    for name, label, used in ((row["version"], row["label"], row["in_use"]) for row in rows):
        last = said.get(str(name))
        why = f"{last.action}: {last.reason}" if last else ""
        lines.append(f"| {name} | {label} | {'yes' if used else ''} | {why} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.models",
        description="List the versions of a model, promote one, or roll back.",
    )
    parser.add_argument("action", choices=ACTIONS, help="what to do")
    parser.add_settings(ModelsSettings)
    given = parser.parse_args(argv)
    settings = parser.settings_of(ModelsSettings, given)
    for problem in problems(settings, given.action):
        parser.error(problem)

    from training.promotion.by_hand import promote, roll_back

    try:
        if given.action == "list":
            said = _list(settings)
        else:
            if given.action == "promote":
                done = promote(settings.models, settings.version)
            else:
                done = roll_back(settings.models, settings.version)
            said = f"{done.version} is in use; before it was {done.before or 'none'}"
    except (UserError, OSError, ValueError) as error:
        fail(parser.prog, error)
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    run_command(main)

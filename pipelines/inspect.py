"""Looks at a file or a topic, proposes a schema, and shows what it would give.

    python -m pipelines.inspect clicks.csv > shop.toml

All that is printed is a schema file: what was found stands in its comments. With --schema it shows
what that schema gives.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rivulet.settings import ArgumentParser, option
from rivulet.urls import URLError, public_name, with_secrets
from sources.options import NOT_A_REGISTRY, is_file_input, is_registry_url

if TYPE_CHECKING:
    from sources.schema.sample import Inspected
    from sources.schema.schema import Schema

SHOWN_EVENTS = 5
SHOWN_REASONS = 5
_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class InspectSettings:
    """Inspect.

    Attributes:
        schema: a schema to try, a TOML file or the name of a preset.
        rows: rows to look at.
        schema_registry: the schema registry of a topic's Avro or Protobuf values, http://HOST:PORT
            or https://HOST, with ${NAME} for secrets from the environment.
    """

    schema: str | None = option(None, "FILE|PRESET", shown="propose one")
    rows: int = option(10_000, "ROWS", least=1, most=1_000_000)
    schema_registry: str | None = option(None, "URL", shown="none", secret=True)

    def problems(self) -> Iterator[str]:
        """Errors in the values, one line each."""
        if self.schema_registry is not None and not is_registry_url(self.schema_registry):
            yield NOT_A_REGISTRY


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; `sys.argv`'s by default.

    Returns:
        The exit status: 0, or 1 if none of the rows is an event.
    """
    parser = ArgumentParser(prog="python -m pipelines.inspect", description=__doc__)
    parser.add_argument("input", metavar="FILE|URL", help="a file, a glob or kafka://HOST/TOPIC")
    parser.add_settings(InspectSettings)
    given = parser.parse_args(arguments)
    chosen = parser.settings_of(InspectSettings, given)
    registry = chosen.schema_registry
    if registry is not None and is_file_input(given.input):
        parser.error("--schema_registry needs a topic")

    from sources.errors import SourceError
    from sources.schema.load import parse_schema, schema_text
    from sources.schema.sample import Inspected

    try:
        if registry is not None:
            registry = with_secrets(registry)
        inspected = Inspected(given.input, chosen.rows, registry)
        text = schema_text(chosen.schema) if chosen.schema else _proposal(inspected)
        schema = parse_schema(text, chosen.schema or "(proposed)")
        lines, events = _report(inspected, schema)
    except (SourceError, URLError) as error:
        parser.error(str(error))
    print(text.rstrip("\n"))
    print("\n".join(f"# {line}".rstrip() for line in lines))
    return 0 if events else 1


def _proposal(inspected: Inspected) -> str:
    """A schema for the input.

    Raises:
        SourceError: it has no column that may be the user, the item or the time.
    """
    from sources.errors import SourceError
    from sources.schema.propose import missing_parts, propose

    sample = inspected.sample()
    text = propose(sample)
    if missing := missing_parts(text):
        raise SourceError(
            f"{public_name(inspected.url)}: no column looks like an event's {' or '.join(missing)}:"
            " write a schema that names it in [fields], and try it with --schema; the columns are: "
            f"{', '.join(sample.columns)[:200]}"
        )
    return text


def _report(inspected: Inspected, schema: Schema) -> tuple[list[str], int]:
    """What the schema gives, in lines; and how many events."""
    from transforms.columns.id_names import IdNames
    from transforms.columns.names import ids_of
    from transforms.messages.behaviors import BEHAVIORS

    parsed, malformed = inspected.read(schema)
    events = parsed.events
    lines = [
        "",
        f"Of the rows that were looked at, {len(events):,} are events, {len(malformed):,} "
        f"malformed and {parsed.ignored:,} ignored.",
    ]
    if schema.fields.behavior is None:
        lines.append(f"No field is the behavior: every event is read as {schema.fields.constant}.")
    if len(events):
        first, last = (_shown(int(time)) for time in (events.time.min(), events.time.max()))
        counts = Counter(BEHAVIORS[code] for code in events.behavior.tolist())
        lines += [
            f"Time range: {first} to {last}.",
            "Behaviors: " + ", ".join(f"{name} {n:,}" for name, n in counts.most_common()) + ".",
            "The first events (user, item, behavior, time):",
        ]
        names = events.names or IdNames()
        users = ids_of(names.user, events.user[:SHOWN_EVENTS])
        items = ids_of(names.item, events.item[:SHOWN_EVENTS])
        for at in range(min(SHOWN_EVENTS, len(events))):
            behavior = BEHAVIORS[events.behavior[at]]
            time = _shown(int(events.time[at]))
            lines.append(f"  {users[at]}, {items[at]}, {behavior}, {time}")
    lines += _of_malformed(malformed)
    return lines, len(events)


def _of_malformed(malformed: Sequence[tuple[str, str]]) -> Iterator[str]:
    if not malformed:
        return
    yield "Malformed rows by reason, with an example:"
    counts = Counter(reason for reason, _ in malformed)
    for reason, count in counts.most_common(SHOWN_REASONS):
        detail = next(detail for each, detail in malformed if each == reason)
        one_line = " ".join(detail.split())[:_MOST_CHARACTERS]
        yield f"  {count:,} {reason}: {one_line}"


def _shown(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    sys.exit(main())

"""Events a second of the main job through a schema, beside the same events without one.

    python -m benchmarks.schemas [--events 500000]

The same stream as CSV without a schema, as CSV through a schema, and as JSON lines. No model ranks,
and nothing is written.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from benchmarks.input_speeds import print_speeds
from benchmarks.options import read_settings
from pipelines.simulate import main as simulate
from rivulet.settings import option

_SCHEMA = """
[fields]
user = "user"
item = "item"
time = "time"
behavior = "behavior"
"""


@dataclass(frozen=True)
class SchemasBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
    """

    events: int = option(500_000, "N", least=1)


def main() -> None:
    """Measures and prints the table."""
    chosen = read_settings("schemas", __doc__, SchemasBenchmarkSettings)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = folder / "clicks.csv"
        simulate([f"--output={lines}", f"--events={chosen.events}", "--rate=500"])
        _as_json(lines, folder / "clicks.jsonl")
        (folder / "shop.toml").write_text(_SCHEMA)
        schema = f"--schema={folder / 'shop.toml'}"
        runs = {
            "CSV": (f"--input={lines}",),
            "CSV by a schema": (f"--input={lines}", schema),
            "JSON lines by a schema": (f"--input={folder / 'clicks.jsonl'}", schema),
        }
        print_speeds(
            "Events a second by the format of the input, DirectRunner, one process",
            "input",
            "share of CSV's speed",
            runs,
            chosen.events,
        )


def _as_json(source: Path, target: Path) -> None:
    """Writes the file again as JSON lines."""
    table = pa_csv.read_csv(source)
    columns = []
    for name in table.column_names:
        quote = '"' if pa.types.is_string(table[name].type) else ""
        texts = table[name].cast(pa.string())
        columns.append(pc.binary_join_element_wise(f'"{name}": {quote}', texts, quote, ""))
    objects = pc.binary_join_element_wise("{", pc.binary_join_element_wise(*columns, ", "), "}", "")
    target.write_text("\n".join(objects.to_pylist()) + "\n")


if __name__ == "__main__":
    main()

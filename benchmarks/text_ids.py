"""Events a second of the main job with ids that are text, beside the same events with integers.

    python -m benchmarks.text_ids [--events 500000]

Both files are read through a schema. The text ids are `user-N` and `item-N`. No model ranks, and
nothing is written.
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

FIELDS = ("user", "item", "time", "behavior")
_WITHOUT_HEADER = f"""
format = "csv"
header = false
columns = {list(FIELDS)}
"""


@dataclass(frozen=True)
class TextIdsBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
    """

    events: int = option(500_000, "N", least=1)


def schema_of(kind: str, header: bool = True) -> str:
    """The schema of a CSV file or topic of events.

    Args:
        kind: of the ids of users and items.
        header: whether the file begins with the names of its fields; a topic does not.
    """
    fields = "".join(f'{name} = "{name}"\n' for name in FIELDS)
    ids = "".join(f'{name} = "{kind}"\n' for name in FIELDS[:2])
    return f"{'' if header else _WITHOUT_HEADER}[fields]\n{fields}[ids]\n{ids}"


def main() -> None:
    """Measures and prints the table."""
    chosen = read_settings("text_ids", __doc__, TextIdsBenchmarkSettings)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        numbers = folder / "integer.csv"
        simulate([f"--output={numbers}", f"--events={chosen.events}", "--rate=500"])
        _with_texts(numbers, folder / "text.csv")
        runs = {}
        for kind in ("integer", "text"):
            (folder / f"{kind}.toml").write_text(schema_of(kind))
            runs[kind] = (f"--input={folder / kind}.csv", f"--schema={folder / kind}.toml")
        print_speeds(
            "Events a second by the kind of ids, DirectRunner, one process",
            "ids",
            "share of integers' speed",
            runs,
            chosen.events,
        )


def _with_texts(source: Path, target: Path) -> None:
    """Writes the file again with ids that are text."""
    table = pa_csv.read_csv(source)
    for part in ("user", "item"):
        texts = pc.binary_join_element_wise(f"{part}-", table[part].cast(pa.string()), "")
        table = table.set_column(table.column_names.index(part), part, texts)
    pa_csv.write_csv(table, target)


if __name__ == "__main__":
    main()

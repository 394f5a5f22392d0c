"""The main job on real click-streams: every row of every table against the oracle."""

import gzip
import json
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest

from tests.fakes import LABEL, ranked_items
from tests.graph import run_job
from tests.oracle import rules
from tests.oracle.events import read

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LINES = {"taobao-9d": 15_000, "taobao-2h": 30_000, "movielens-small": 10_000}
"""How much of a stream is read without `--long`. Most events of MovieLens have a T and windows of
their own."""
TAOBAO = ["user", "item", "category", "behavior", "time"]


def first(lines: int, whole: Path, piece: Path) -> Path:
    """The stream's beginning, in a file of its own."""
    with gzip.open(whole, "rt") as stream, gzip.open(piece, "wt") as beginning:
        beginning.writelines(islice(stream, lines))
    return piece


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("name", "columns"),
    [("taobao-9d", TAOBAO), ("taobao-2h", TAOBAO), ("movielens-small", None)],
)
def test_every_row_is_the_oracles(
    tmp_path: Path, name: str, columns: list[str] | None, pytestconfig: pytest.Config
) -> None:
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here: the real streams lie in shared/data")
    if not pytestconfig.getoption("long"):
        path = first(LINES[name], path, tmp_path / path.name)
    flags = [f"--columns={','.join(columns)}"] if columns else []
    tables = run_job(tmp_path, f"--input={path}", *flags)
    events, malformed = read(path, columns)

    letters = tmp_path / "dead.jsonl"
    lines = letters.read_text().splitlines() if letters.exists() else []
    assert len(lines) == malformed == tables.summary.get("malformed")
    assert all(json.loads(line)["reason"] == "too few fields" for line in lines)

    assert sorted(tables.records) == sorted({(e.user, e.item, e.behavior, e.time) for e in events})
    duplicates = len(events) - len(set(events))
    assert tables.summary.get("duplicates") == duplicates
    assert tables.summary.get("closed") == len(set(events))
    assert tables.summary.get("lines") == len(events) + malformed

    rankings = rules.popular(events)
    assert tables.popular == rankings

    shown = rules.recommendations(
        events, lambda user, history: ranked_items(user, history, 8), rankings
    )
    assert tables.recommendations.keys() == shown.keys()
    label = LABEL.decode()
    for key, row in shown.items():
        policy = label if row.by_policy else "popular"
        assert tables.recommendations[key] == (
            row.items, policy, [1.0] * len(row.items), row.last_reward,
        )  # fmt: skip

    minutes: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for (user, at), earned in rules.rewards(events, shown).items():
        sums = minutes[label if shown[user, at].by_policy else "popular", at // 60 * 60]
        sums[0] += 1
        sums[1] += any(earned)
        sums[2] += sum(earned)
    assert tables.minutes == {key: tuple(sums) for key, sums in minutes.items()}

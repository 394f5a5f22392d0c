"""A stream of few users and items, and its file."""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.oracle.events import BEHAVIORS, Event

START = 1_600_000_000


def stream(seed: int) -> list[Event]:
    rng = random.Random(seed)
    return [
        Event(START + rng.randrange(1500), rng.randrange(30), rng.randrange(12),
              rng.choice(BEHAVIORS))
        for _ in range(700)
    ]  # fmt: skip


def write_events(folder: Path, events: Sequence[Event]) -> Path:
    path = folder / "clicks.csv"
    lines = [f"{e.user},{e.item},{e.behavior},{e.time}\n" for e in events]
    path.write_text("user,item,behavior,time\n" + "".join(lines))
    return path

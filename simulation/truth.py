"""The ground truth of a stream: its counts and the world that it was drawn from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simulation.arrival import Arrivals
from simulation.malformed import MalformedLines
from simulation.model import World
from transforms.messages.events import BEHAVIORS

ARRAYS = (
    "user_cluster",
    "user_taste",
    "category_cluster",
    "category_vector",
    "item_category",
    "item_vector",
    "item_rank",
    "item_quality",
)


@dataclass(frozen=True, slots=True)
class Truth:
    """Counts of a written stream.

    Attributes:
        lines: all lines without the header: events + duplicates + malformed.
        events: distinct events.
        users: users with an event.
        items: items with an event.
        first_time: smallest event time, in seconds since the epoch.
        last_time: largest event time, in seconds since the epoch.
        behaviors: distinct events by behavior.
        malformed: malformed lines by reason.
        duplicates: exact repetitions of an event.
        late: late events.
        out_of_orderness: maximum over the events that are not late of the maximum event time so far
            minus the event's time, in seconds.
        lateness: minimum of the same over the late events; 0 where there are none.
    """

    lines: int
    events: int
    users: int
    items: int
    first_time: int
    last_time: int
    behaviors: dict[str, int]
    malformed: dict[str, int]
    duplicates: int
    late: int
    out_of_orderness: int
    lateness: int

    @staticmethod
    def of(arrivals: Arrivals, malformed: MalformedLines) -> Truth:
        """The counts of a stream."""
        events = arrivals.events
        once = events.take(~arrivals.duplicate)
        delay = np.maximum.accumulate(events.time) - events.time
        counts = np.bincount(once.behavior, minlength=len(BEHAVIORS))
        return Truth(
            lines=len(events) + len(malformed),
            events=len(once),
            users=len(np.unique(once.user)),
            items=len(np.unique(once.item)),
            first_time=int(once.time.min()),
            last_time=int(once.time.max()),
            behaviors={name: int(count) for name, count in zip(BEHAVIORS, counts, strict=True)},
            malformed=malformed.counts(),
            duplicates=int(arrivals.duplicate.sum()),
            late=int(arrivals.late.sum()),
            out_of_orderness=int(delay[~arrivals.late].max(initial=0)),
            lateness=int(delay[arrivals.late].min()) if arrivals.late.any() else 0,
        )


def write_truth(directory: Path, truth: Truth, world: World) -> None:
    """Writes truth.json, and each of the world's ARRAYS as a .npy file (row = id - 1).

    `World.make(**json["world"])` returns the same world.

    Raises:
        OSError: the folder cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(directory / f"{name}.npy", getattr(world, name), allow_pickle=False)
    made = {
        "seed": world.seed,
        "users": world.users,
        "items": world.items,
        "clusters": len(world.centres),
    }

    text = json.dumps({"world": made, **asdict(truth)}, indent=2)
    (directory / "truth.json").write_text(text + "\n", encoding="utf-8")

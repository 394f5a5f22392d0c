"""A feedback log (spec section 5) of lists that a biased policy showed to a stream's users.

At every multiple of 20 s each user with an event in the 20 s before, and with ten events before
it, is shown a list of 8 by `simulation.behaviour`. What the user makes of it is drawn from
`simulation.feedback`, zeros included. The stream goes on as if nothing had been shown: states do
not depend on lists, so that what a list truly earns is known whoever shows it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from simulation.behaviour import EXPLORATION, draw_lists, inclusion_probabilities
from simulation.feedback import rewards
from simulation.latents import MEMORY, Int64s
from simulation.model import World
from sinks.files.feedback_log import to_table
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.ranked_lists import POLICY_BYTES

SIZE = 8
PERIOD = 20
POLICY = b"simulated-biased"
FILE = "feedback.parquet"


def states(events: EventBatch, period: int = PERIOD) -> tuple[Int64s, Int64s, Int64s]:
    """Who is due when, and the last ten items then.

    Args:
        events: a stream.
        period: seconds between two lists of an active user.

    Returns:
        Users int64 [n], times int64 [n] and histories int64 [n, 10], the oldest first; by user
        and time.
    """
    events = events.take(np.lexsort((events.item, events.time, events.user)))
    user, time = events.user, events.time // period
    n = len(user)
    fresh = np.r_[True, user[1:] != user[:-1]][:n]
    begins = np.maximum.accumulate(np.where(fresh, np.arange(n), 0))
    last = np.r_[fresh[1:] | (time[1:] != time[:-1]), True][:n]
    at = np.flatnonzero(last & (np.arange(n) - begins >= MEMORY - 1))
    histories = events.item[at[:, None] + np.arange(1 - MEMORY, 1)]
    return user[at], (time[at] + 1) * period, histories


def show(
    world: World,
    events: EventBatch,
    seed: int = 0,
    exploration: float = EXPLORATION,
    size: int = SIZE,
) -> Feedback:
    """What the biased policy shows to the stream's users, and what they make of it.

    Args:
        world: whose users they are.
        events: their stream.
        seed: of lists and feedback.
        exploration: share of a list's places that are left to chance.
        size: items of a list.

    Raises:
        ValueError: the world has fewer items than a list.
    """
    users, times, histories = states(events)
    rng = np.random.default_rng([seed, 3])
    inclusion = inclusion_probabilities(world, size, exploration)
    items, propensities = draw_lists(inclusion, world.user_cluster[users - 1], size, rng)
    behaviors = world.sample_feedback(users, histories, items + 1, rng)
    n = len(users)
    return Feedback(
        user=users,
        time=times,
        items=items + 1,
        length=np.full(n, size),
        propensities=propensities,
        policy=np.full(n, POLICY, f"S{POLICY_BYTES}"),
        history=histories,
        history_length=np.full(n, MEMORY),
        rewards=rewards(behaviors),
    )


def write_feedback(directory: Path, feedback: Feedback) -> None:
    """Writes the log as one Parquet file of the folder.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    pq.write_table(to_table(feedback), directory / FILE, compression="zstd")

"""A feedback log of lists that a biased policy shows to the users of a stream.

At each multiple of the period, the policy (`simulation.behaviour`) shows a list to each user that
has an event in the preceding period and ten events so far. The feedback is drawn from
`simulation.feedback`. The stream does not depend on the lists: the states are the same for all
policies, so that the true reward of any list is known.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from simulation.behaviour import draw_lists, inclusion_probabilities
from simulation.feedback import rewards
from simulation.latents import MEMORY, Int64s
from simulation.model import World
from simulation.options import EXPLORATION, LIST_PERIOD, LIST_SIZE
from sinks.files.feedback_log import to_table
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.job import JobSettings
from transforms.messages.ranked_lists import POLICY_BYTES

POLICY = b"simulated-biased"
FILE = "feedback.parquet"


def states(events: EventBatch, period: int = LIST_PERIOD) -> tuple[Int64s, Int64s, Int64s]:
    """The users and times of all lists, with the last ten items at that time.

    Args:
        events: a stream.
        period: time between two lists of an active user, in seconds.

    Returns:
        Users int64 [n], times int64 [n] and histories int64 [n, 10], oldest first; ordered by user
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
    size: int = LIST_SIZE,
    period: int = LIST_PERIOD,
) -> Feedback:
    """The lists that the biased policy shows to the stream's users, with the users' feedback.

    Args:
        world: the users and items.
        events: the stream.
        seed: seed of lists and feedback.
        exploration: fraction of a list's places that are filled uniformly at random.
        size: items in a list.
        period: time between two lists of an active user, in seconds.

    Raises:
        ValueError: the world has fewer items than a list.
    """
    users, times, histories = states(events, period)
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
        plain_rewards=np.zeros((n, 0), np.float32),
    )


def write_feedback(directory: Path, feedback: Feedback, period: int = LIST_PERIOD) -> None:
    """Writes the log as one Parquet file into a folder, with the settings of its lists.

    Users react to a list at once, so that the log's reward window is the period.

    Args:
        directory: the folder.
        feedback: the log.
        period: time between two lists of an active user, in seconds.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    settings = {
        "reward_window": period,
        "recommend_period": period,
        "recommend_window": period,
        "recommendations": feedback.items.shape[1],
        "history_size": MEMORY,
        "min_history": MEMORY,
    }
    table = to_table(feedback, JobSettings(0, settings))
    pq.write_table(table, directory / FILE, compression="zstd")

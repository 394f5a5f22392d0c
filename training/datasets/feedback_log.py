"""The feedback log (spec section 5): the settings of the job that wrote it, and its events.

Policies learn from the log's lists (`training.datasets.shown_lists`), but their users' histories
are made of events. `training.prepare` rebuilds the events where it has the log alone. A row holds
the user's last events before the recommendation and the rewards of what was recommended.
Successive histories of a user overlap: what a history has beyond the one before it are the events
in between. Their order is known. Their times lie between the two recommendations, one second
apart. Their behavior is known where the item had just been recommended and rewarded; elsewhere it
is taken as `pv`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from training.datasets.raw_files import RawLogError
from transforms.messages.behaviors import (
    BEHAVIORS,
    USUAL_REWARDS,
    reward_settings,
    rewards_in,
)
from transforms.messages.value_weight import ValueWeight

SETTINGS_KEY = b"rivulet"
"""Key of a Parquet file's metadata with the job's settings as a JSON object."""
DEFAULT_REWARD_WINDOW = 600
"""Seconds; the default of the job's `--reward_window`."""

PLAIN = "plain_rewards"
"""The column of rewards without the events' values, where values weigh them."""

Event = tuple[int, int, str, int]
"""User, item, label, time."""


class FeedbackRow(NamedTuple):
    """What a row of the feedback log says of events. Its rewards are without their values."""

    user: int
    time: int
    history: list[int]
    items: list[int]
    rewards: list[float]


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of the job that wrote a file of the log; empty where the file has none.

    Raises:
        RawLogError: they are not a JSON object, or a window or size is no positive number.
    """
    text = (pq.read_schema(path).metadata or {}).get(SETTINGS_KEY, b"{}")
    try:
        settings = json.loads(text)
        if not isinstance(settings, dict):
            raise ValueError("it is not a JSON object")
        for name in ("reward_window", "history_size"):
            value = settings.get(name, 1)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} is {value!r}")
        rewards_in(settings)
        ValueWeight.of(settings)
    except (ValueError, TypeError) as error:
        key = SETTINGS_KEY.decode()
        raise RawLogError(f"{path}: its metadata {key!r} cannot be read: {error}") from error
    return settings


def common_settings(paths: Sequence[Path], reward_window: int | None) -> dict[str, Any]:
    """The settings that the files of the log share, with a `reward_window` in any case.

    Args:
        paths: files of the log.
        reward_window: seconds, for files that do not say it; None for the job's default.

    Returns:
        Settings by name. `assumed_reward_window` is whether the default was taken.

    Raises:
        RawLogError: a file contradicts another, or `reward_window`.
    """
    of_files = {path: read_settings(path) for path in paths}
    windows = {settings.get("reward_window"): path for path, settings in of_files.items()}
    said = sorted(window for window in windows if window is not None)
    if len(said) > 1:
        raise RawLogError(
            f"{windows[said[0]]} was written with a reward window of {said[0]} s and "
            f"{windows[said[1]]} with one of {said[1]} s: prepare them apart"
        )
    if said and reward_window not in (None, said[0]):
        raise RawLogError(
            f"--reward_window {reward_window}: {windows[said[0]]} was written with a reward window "
            f"of {said[0]} s; leave the option out"
        )
    assumed = not said and reward_window is None
    window = said[0] if said else reward_window or DEFAULT_REWARD_WINDOW
    sizes = [int(settings.get("history_size", 0)) for settings in of_files.values()]
    history = {"history_size": max(sizes)} if all(sizes) else {}
    rewards = {rewards_in(settings): path for path, settings in of_files.items()}
    if len(rewards) > 1:
        first, second, *_ = rewards
        raise RawLogError(
            f"{rewards[first]} was written with the rewards {reward_settings(first)} and "
            f"{rewards[second]} with {reward_settings(second)}: prepare them apart"
        )
    weights = {ValueWeight.of(settings): path for path, settings in of_files.items()}
    if len(weights) > 1:
        said_weights = [f"{path} with {weight}" for weight, path in weights.items()]
        raise RawLogError(
            "values weigh the rewards of the feedback logs in different ways (--reward_value, "
            f"--reward_value_most): {' and '.join(sorted(said_weights)[:2])}: prepare them apart"
        )
    (weight,) = weights
    return (
        {"reward_window": window, "assumed_reward_window": assumed}
        | history
        | reward_settings(*rewards)
        | (weight.settings() if weight else {})
    )


def behavior_of(reward: float, rewards: Sequence[float] = USUAL_REWARDS) -> str:
    """The strongest behavior that a reward pays for (`fav` for the 2 that `cart` shares).

    Args:
        reward: what an item earned.
        rewards: what an event earns, by the code of its behavior.
    """
    # A float32 in the log, such as 0.1, may be a little less than the setting.
    given = max(reward * (1 + 1e-6), min(rewards))
    return BEHAVIORS[max((own, code) for code, own in enumerate(rewards) if own <= given)[1]]


def new_in(history: list[int], before: list[int]) -> list[int]:
    """What `history` has beyond `before`: the shortest end that explains both."""
    for shared in range(min(len(before), len(history)), 0, -1):
        if before[-shared:] == history[:shared]:
            return history[shared:]
    return history


def rebuild_events(
    rows: Iterator[FeedbackRow], reward_window: int, rewards: Sequence[float] = USUAL_REWARDS
) -> Iterator[Event]:
    """The events of a feedback log.

    Args:
        rows: the log, by user and then by time.
        reward_window: seconds after a recommendation in which an event earned its reward.
        rewards: what an event earns, by the code of its behavior.

    Yields:
        Each user's events in their order. Rewarded items that no later history could show come
        last, one second apart after the last recommendation.
    """
    for user, of_user in groupby(rows, key=lambda row: row.user):
        before: list[int] = []
        rewarded: dict[int, tuple[float, int]] = {}
        time = -1
        for row in of_user:
            new = new_in(row.history, before)
            for at, item in enumerate(new):
                moment = max(row.time - len(new) + at, time + 1, 0)
                earned = rewarded.pop(item, None)
                behavior = behavior_of(earned[0], rewards) if earned else BEHAVIORS[0]
                yield user, item, behavior, moment
                time = moment
            before = row.history
            gains = zip(row.items, row.rewards, strict=True)
            rewarded.update({item: (reward, row.time) for item, reward in gains if reward > 0})
            last_shown = row.time
        # Events of these may lie after the last history.
        late = [
            (item, reward)
            for item, (reward, at) in rewarded.items()
            if at + reward_window > last_shown
        ]
        for at, (item, reward) in enumerate(late):
            yield user, item, behavior_of(reward, rewards), max(last_shown, time) + 1 + at


def rows_of(columns: Mapping[str, list[Any]]) -> Iterator[FeedbackRow]:
    """The rows of the log's columns, with PLAIN in place of the rewards where it is given."""
    columns = {**columns, "rewards": columns.get(PLAIN, columns["rewards"])}
    for row in zip(*(columns[name] for name in FeedbackRow._fields), strict=True):
        yield FeedbackRow(*row)

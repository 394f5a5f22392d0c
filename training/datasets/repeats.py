"""Counts how much more often items recur than their popularity says, by place in the window.

The counts become the weights of `inference.network.repeats`. For each item of a step's window, its
last place r, and whether it is among the user's next `REACH` items,

    w_r = log(times that it was / times expected from popularity),

and u likewise: what further places of the item add, per place. The next few items count rather
than only the next one, because a list stays in use for a while. The weights are few, so that they
are counted exactly and not learnt by gradient.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from inference.network.network import Network
from inference.network.repeats import last_places
from training.datasets.transitions import Transitions

Floats = npt.NDArray[np.float64]

REACH = 10
_ROWS = 50_000


def set_repeats(network: Network, steps: Transitions, chances: Floats) -> None:
    """Sets the network's copy weights, where it has them, and freezes them.

    Args:
        network: about to be trained.
        steps: to learn from, by user and in their order.
        chances: float64 [items], probability of each item to be the next one by popularity.
    """
    if network.repeats is None:
        return
    weights, again = count_repeats(steps, chances)
    network.repeats.weights.data.copy_(torch.from_numpy(weights))
    network.repeats.again.data.fill_(again)
    network.repeats.requires_grad_(False)


def count_repeats(steps: Transitions, chances: Floats, reach: int = REACH) -> tuple[Floats, float]:
    """The weights w_r, float64 [window], and u, of the module's docstring.

    Args:
        steps: as of `set_repeats`.
        chances: as of `set_repeats`.
        reach: next items of a user that count.
    """
    window = steps.histories.shape[1]
    # A prior of half an occurrence keeps places without data at a weight of 0.
    recurred, expected_at = np.full(window, 0.5), np.full(window, 0.5)
    blocks = [
        _recurrences(steps.take(slice(start, start + _ROWS)), chances, reach)
        for start in range(0, len(steps), _ROWS)
    ]
    place, times, expected, recurs = (
        np.concatenate(column) for column in zip(*blocks, strict=True)
    )
    recurred += np.bincount(place, recurs, window)
    expected_at += np.bincount(place, expected, window)
    weights = np.log(recurred / expected_at)
    several = times > 1
    if not several.any():
        return weights, 0.0
    by_place = (expected * np.exp(weights[place]))[several].sum()
    more = np.log((recurs[several].sum() + 0.5) / (by_place + 0.5))
    return weights, float(more / (times[several] - 1).mean())


def _recurrences(
    steps: Transitions, chances: Floats, reach: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats, npt.NDArray[np.bool_]]:
    """Each different known item of each window.

    Returns:
        Its last place (int64), the number of its places (int64), the probability that it is
        among the next items by popularity (float64), and whether it is (bool); each [m].
    """
    items, n = steps.histories, len(steps)
    place = steps.lengths[:, None] - 1 - np.arange(items.shape[1])
    last = last_places(torch.from_numpy(items), torch.from_numpy(place)).numpy()
    rows, columns = np.nonzero(last & (place >= 0) & (items < len(chances)))
    item = items[rows, columns]
    inside = np.where(place >= 0, items, -1)
    times = (inside[rows] == item[:, None]).sum(axis=1)
    recurs, ahead = np.zeros(len(rows), bool), np.zeros(len(rows))
    for step in range(reach):
        later = np.minimum(rows + step, n - 1)
        same_user = (rows + step < n) & (steps.users[later] == steps.users[rows])
        recurs |= same_user & (steps.actions[later] == item)
        ahead += same_user
    return place[rows, columns], times, 1 - (1 - chances[item]) ** ahead, recurs

"""How much more often items come again than popularity says, by their place in the window.

For the weights of `inference.network.repeats`: with the items of a step's window, the last of the
places r
that each has, and whether it is among the user's next `REACH` items,

    w_r = log(times that it was / times that popularity would have it),

and u in the same way: what further places of an item add to that, per place. The next few items
count, not the very next alone, as a list is of use for a while. These weights are counted, not
learnt by gradient: there are few, and counting is exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from inference.network.network import Network
from inference.network.repeats import last_places
from training.datasets.sequences import Transitions

Floats = npt.NDArray[np.float64]

REACH = 10
_ROWS = 50_000


def set_repeats(network: Network, steps: Transitions, chances: Floats) -> None:
    """Sets the network's copy weights, where it has them, and leaves them fixed.

    Args:
        network: about to be trained.
        steps: to learn from, by user and in their order.
        chances: float64 [items], how likely each item is to be the next one by popularity.
    """
    if network.repeats is None:
        return
    weights, again = count_repeats(steps, chances)
    network.repeats.weights.data.copy_(torch.from_numpy(weights))
    network.repeats.again.data.fill_(again)
    network.repeats.requires_grad_(False)


def count_repeats(steps: Transitions, chances: Floats, reach: int = REACH) -> tuple[Floats, float]:
    """The weights w_r, float64 [window], and u, of the module's docstring; arguments as there."""
    window = steps.histories.shape[1]
    # Half a time more of either: a place that was hardly seen says nothing.
    came, due = np.full(window, 0.5), np.full(window, 0.5)
    seen = [
        _chances_to_come(steps.take(slice(start, start + _ROWS)), chances, reach)
        for start in range(0, len(steps), _ROWS)
    ]
    place, times, expected, comes = (np.concatenate(column) for column in zip(*seen, strict=True))
    came += np.bincount(place, comes, window)
    due += np.bincount(place, expected, window)
    weights = np.log(came / due)
    several = times > 1
    if not several.any():
        return weights, 0.0
    by_place = (expected * np.exp(weights[place]))[several].sum()
    more = np.log((comes[several].sum() + 0.5) / (by_place + 0.5))
    return weights, float(more / (times[several] - 1).mean())


def _chances_to_come(
    steps: Transitions, chances: Floats, reach: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats, npt.NDArray[np.bool_]]:
    """What is known of each different known item of each window.

    Returns:
        Its last place, on how many places it is, the chance that it is among the next items by
        popularity, and whether it is.
    """
    items, n = steps.histories, len(steps)
    place = steps.lengths[:, None] - 1 - np.arange(items.shape[1])
    last = last_places(torch.from_numpy(items), torch.from_numpy(place)).numpy()
    rows, columns = np.nonzero(last & (place >= 0) & (items < len(chances)))
    item = items[rows, columns]
    inside = np.where(place >= 0, items, -1)
    times = (inside[rows] == item[:, None]).sum(axis=1)
    comes, ahead = np.zeros(len(rows), bool), np.zeros(len(rows))
    for step in range(reach):
        later = np.minimum(rows + step, n - 1)
        there = (rows + step < n) & (steps.users[later] == steps.users[rows])
        comes |= there & (steps.actions[later] == item)
        ahead += there
    return place[rows, columns], times, 1 - (1 - chances[item]) ** ahead, comes

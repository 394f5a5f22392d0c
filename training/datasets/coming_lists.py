"""What follows a list: the user's next list, and the rewards of all coming ones.

Lists are decisions, so that gamma counts over lists. With R_i the reward of a user's i-th list,
the return of item j of list i is r_ij + F_i with the future

    F_i = d_i (R_(i+1) + F_(i+1)),      d_i = gamma

or, where the discount is by time, d_i = gamma^((t_(i+1) - t_i) / unit), so that a user who comes
back sooner is worth more. A semi-Markov decision process is discounted like this (Bradtke and Duff,
NeurIPS 1994).

**The end of the log is no terminal.** What comes after it is valued by the mean m over all lists of
R_i + F_i: the last list of a user has F = gamma m, or gamma^((until - t) / unit) m by time, where
`until` is the time up to which the log shows the user's lists. A user without a list until then
has earned nothing in between. With F_i = a_i + b_i m linear in m, m = mean(R + a) / (1 - mean b).
A critic gets no value of the state after a user's last list (`ShownLists.cut`).

With gamma = 1 there is no such m, and what comes after the log counts 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from training.datasets.lists import ShownLists

Float64s = npt.NDArray[np.float64]


def with_coming(lists: ShownLists, gamma: float, unit: int = 0) -> ShownLists:
    """The lists, with the columns of what follows each.

    Args:
        lists: of one split, in any order.
        gamma: discount, in [0, 1].
        unit: seconds in which a value loses the factor gamma; 0 to lose it with each list.

    Returns:
        The lists by user and time.
    """
    lists = lists.take(np.lexsort((lists.times, lists.users)))
    n = len(lists)
    if not n or not gamma:
        return lists
    has_next = np.zeros(n, bool)
    has_next[:-1] = lists.users[1:] == lists.users[:-1]
    after = np.where(has_next, np.arange(1, n + 1), np.arange(n))
    until = np.full(int(lists.users.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(until, lists.users, lists.until)
    rest = np.maximum(until[lists.users] - lists.times, 0)
    if unit:
        discount = np.power(gamma, (lists.times[after] - lists.times) / unit)
        tail = np.power(gamma, rest / unit)
    else:
        discount = np.full(n, gamma)
        ends = np.flatnonzero(~has_next)
        tail = np.power(gamma, ends[np.searchsorted(ends, np.arange(n))] - np.arange(n) + 1.0)
    discount = np.where(has_next, discount, 0.0)
    reward = lists.rewards.sum(axis=1, dtype=np.float64)
    future = discounted_sums(discount * reward[after], discount)
    if gamma < 1:
        future += tail * (reward + future).mean() / max(1 - tail.mean(), 1e-9)
    return replace(
        lists,
        future=future.astype(np.float32),
        next_histories=lists.histories[after],
        next_lengths=lists.lengths[after],
        discount=discount.astype(np.float32),
        cut=~has_next,
        credit=np.repeat(future.astype(np.float32)[:, None], lists.items.shape[1], axis=1),
    )


def discounted_sums(values: Float64s, discounts: Float64s) -> Float64s:
    """S_i = values_i + discounts_i S_(i+1), with S_n = 0; float64 [n].

    Each round doubles the number of terms in a sum, so that there are log2(longest run of discounts
    above 0) rounds.
    """
    total, factor = values.copy(), discounts.copy()
    reach, n = 1, len(values)
    while reach < n and factor.any():
        total[:-reach] += factor[:-reach] * total[reach:]
        factor[:-reach] *= factor[reach:]
        factor[-reach:] = 0.0
        reach *= 2
    return total

"""Users' feedback to recommended lists: its true expected reward, and samples.

The appeal and the funnel are those of the streams (`simulation.model`). A list's reward is the sum
over its distinct items of the reward of the item's best behavior: pv 1, cart 2, fav 2, buy 3.

Histories are rows of item ids of any width, oldest first. Of the first `length` items of a row, the
last 10 known ones are used. Ids that are not in the world, such as the padding 0, are ignored, so
that rows may be padded on either side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.latents import (
    DECAY,
    MEMORY,
    MOMENTUM_WEIGHT,
    STALENESS,
    TASTE_WEIGHT,
    VIEW_THRESHOLD,
    Float32s,
    Funnel,
    Int64s,
    Latents,
    sigmoid,
)
from transforms.messages.events import REWARDS

Int8s = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

NOTHING = -1
"""Sampled feedback of an item that the user did not view."""
MOST_LOST = np.float32(60.0)
"""Most appeal that a penalty takes: no item is viewed then, and exponentials do not overflow."""
BLOCK = 4_096
"""Rows in a block, which bounds the memory."""


def appeal(
    world: Latents,
    users: Int64s,
    histories: Int64s,
    lists: Int64s,
    history_lengths: Int64s | None = None,
) -> Float32s:
    """The appeal s(u, h, j) of `simulation.model` for each item of each list.

    Args:
        world: the users and items.
        users: int64 [n], ids of users, 1 .. world.users.
        histories: int64 [n, h], ids of items, oldest first.
        lists: int64 [n, k], ids of items; [1, k] for one list for all users.
        history_lengths: int64 [n], number of a row's first items that are used; None for all.

    Returns:
        float32 [n, k]; minus infinity for unknown items.

    Raises:
        ValueError: a user is not in this world.
    """
    preference, recent = _state(world, users, histories, history_lengths)
    known = known_items(world, lists)
    items = np.where(known, lists - 1, 0)
    if len(items) == 1:
        score = preference @ world.item_vector[items[0]].T
    else:
        score = np.einsum("nkd,nd->nk", world.item_vector[items], preference)
    stale = np.zeros(score.shape, bool)
    for column in recent.T:
        stale |= items == column[:, None]
    score -= np.float32(STALENESS) * stale
    return np.where(known, score, np.float32(-np.inf))


def expected_reward(
    world: Latents,
    users: Int64s,
    histories: Int64s,
    lists: Int64s,
    history_lengths: Int64s | None = None,
    list_lengths: Int64s | None = None,
) -> Float32s:
    """The true expected reward of showing each user its list.

    Args:
        world: the users and items.
        users: int64 [n], ids of users.
        histories: int64 [n, h], ids of items, oldest first.
        lists: int64 [n, k], ids of the items shown. An unknown item has the reward 0; an item that
            occurs twice is rewarded once.
        history_lengths: int64 [n], number of a history's first items that are used; None for all.
        list_lengths: int64 [n], number of a list's first items that are shown; None for all.

    Returns:
        float32 [n].
    """
    value = np.zeros(len(users), np.float32)
    for rows in _blocks(len(users)):
        lengths = None if history_lengths is None else history_lengths[rows]
        each = item_rewards(*odds(world, users[rows], histories[rows], lists[rows], lengths))
        shown = first_places(lists[rows], None if list_lengths is None else list_lengths[rows])
        value[rows] = (each * shown).sum(axis=1)
    return value


def best_lists(world: Latents, users: Int64s, histories: Int64s, size: int) -> Int64s:
    """The lists of the highest expected reward, of all lists without items of the history.

    Args:
        world: the users and items.
        users: int64 [n], ids of users.
        histories: int64 [n, h], ids of items, oldest first.
        size: items in a list.

    Returns:
        int64 [n, size], ids of items, best first.
    """
    catalogue = np.arange(1, world.items + 1)[None]
    best = np.empty((len(users), size), np.int64)
    rows_at_once = max(1, BLOCK * 8 // world.items)
    for start in range(0, len(users), rows_at_once):
        rows = slice(start, start + rows_at_once)
        each = item_rewards(*odds(world, users[rows], histories[rows], catalogue))
        row, place = np.nonzero(known_items(world, histories[rows]))
        each[row, histories[rows][row, place] - 1] = -1
        best[rows] = np.argsort(-each, axis=1, kind="stable")[:, :size] + 1
    return best


def sample_feedback(
    world: Latents,
    users: Int64s,
    histories: Int64s,
    lists: Int64s,
    rng: np.random.Generator,
    history_lengths: Int64s | None = None,
    list_lengths: Int64s | None = None,
) -> Int8s:
    """Draws each user's best behavior for each item of its list.

    The arguments are those of `expected_reward`, whose value is the mean of
    `rewards(sample_feedback(..)).sum(axis=1)`.

    Returns:
        int8 [n, k]: an index into BEHAVIORS (cart before fav), or NOTHING.
    """
    best = np.full(lists.shape, NOTHING, np.int8)
    for rows in _blocks(len(users)):
        lengths = None if history_lengths is None else history_lengths[rows]
        view, funnel = odds(world, users[rows], histories[rows], lists[rows], lengths)
        chance = rng.random((4, *view.shape), dtype=np.float32)
        cart = chance[1] < funnel.cart
        fav = chance[2] < funnel.fav
        buy = chance[3] < np.where(cart, funnel.buy_carted, funnel.buy)
        code = np.where(buy, 3, np.where(cart, 1, np.where(fav, 2, 0)))
        shown = first_places(lists[rows], None if list_lengths is None else list_lengths[rows])
        best[rows] = np.where((chance[0] < view) & shown, code, NOTHING)
    return best


def rewards(behaviors: Int8s) -> Float32s:
    """Rewards of sampled behaviors, float32 of their shape; 0 for NOTHING."""
    return np.append(REWARDS, np.float32(0))[behaviors]


def item_rewards(view: Float32s, funnel: Funnel) -> Float32s:
    """The expected reward of items that are viewed with a probability; float32 of its shape."""
    bought = funnel.cart * funnel.buy_carted + (1 - funnel.cart) * funnel.buy
    kept = funnel.cart * (1 - funnel.buy_carted) + (1 - funnel.cart) * funnel.fav * (1 - funnel.buy)
    each = view * (REWARDS[0] + (REWARDS[1] - REWARDS[0]) * kept)
    return np.asarray(each + view * (REWARDS[3] - REWARDS[0]) * bought)


def odds(
    world: Latents,
    users: Int64s,
    histories: Int64s,
    lists: Int64s,
    lengths: Int64s | None = None,
    penalty: Float32s | None = None,
) -> tuple[Float32s, Funnel]:
    """P(view) of each item, and the probabilities after a view.

    Args:
        world: the users and items.
        users: int64 [n], ids of users.
        histories: int64 [n, h], ids of items, oldest first.
        lists: int64 [n, k], ids of items; [1, k] for one list for all users.
        lengths: int64 [n], number of a history's first items that are used; None for all.
        penalty: float32 [n, k], subtracted from the appeal; None for nothing.

    Returns:
        float32 [n, k] each.
    """
    view = view_probability(world, users, histories, lists, lengths, penalty)
    items = np.where(known_items(world, lists), lists - 1, 0)
    taste = world.user_taste[users - 1]
    if len(items) == 1:
        affinity = taste @ world.item_vector[items[0]].T
        items = np.broadcast_to(items, affinity.shape)
    else:
        affinity = np.einsum("nkd,nd->nk", world.item_vector[items], taste)
    return view, world.funnel(affinity, items)


def view_probability(
    world: Latents,
    users: Int64s,
    histories: Int64s,
    lists: Int64s,
    lengths: Int64s | None = None,
    penalty: Float32s | None = None,
) -> Float32s:
    """P(view) of each item, float32 [n, k]; the arguments are those of `odds`."""
    score = appeal(world, users, histories, lists, lengths)
    if penalty is not None:
        score -= np.minimum(penalty, MOST_LOST)
    return sigmoid(score - np.float32(VIEW_THRESHOLD))


def _state(
    world: Latents, users: Int64s, histories: Int64s, lengths: Int64s | None
) -> tuple[Float32s, Int64s]:
    """Preference vectors [n, d], and the indices of the histories' items [n, h] (-1: none)."""
    if np.any((users < 1) | (users > world.users)):
        raise ValueError(f"users must be in 1 .. {world.users}")
    known = known_items(world, histories)
    if lengths is not None:
        known &= np.arange(histories.shape[1]) < lengths[:, None]
    age = np.cumsum(known[:, ::-1], axis=1)[:, ::-1] - 1
    known &= age < MEMORY
    weight = np.where(known, DECAY**age, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    weight = (weight / np.where(total > 0, total, 1.0)).astype(np.float32)
    recent = np.where(known, histories - 1, -1)
    momentum = np.einsum("nhd,nh->nd", world.item_vector[recent], weight)
    preference = np.float32(TASTE_WEIGHT) * world.user_taste[users - 1]
    preference += np.float32(MOMENTUM_WEIGHT) * momentum
    return preference, recent


def known_items(world: Latents, ids: Int64s) -> Bools:
    """Which ids are items of the world; bool of their shape."""
    return np.asarray((ids >= 1) & (ids <= world.items))


def first_places(lists: Int64s, lengths: Int64s | None = None) -> Bools:
    """The places that are within the list's length and not a repetition; bool [n, k]."""
    shown = np.ones(lists.shape, bool)
    for place in range(1, lists.shape[1]):
        shown[:, place] = (lists[:, :place] != lists[:, place : place + 1]).all(axis=1)
    if lengths is not None:
        shown &= np.arange(lists.shape[1]) < lengths[:, None]
    return shown


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, rows, BLOCK)]

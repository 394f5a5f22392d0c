"""The world that click-streams are drawn from: users, items, and what draws one to the other.

All that is random is drawn from the seed. Users u and items j are points on the unit sphere of
`dimensions` dimensions. N(0, s) below is normal noise whose expected squared length is s^2.

    cluster centres   z_c ~ uniform on the sphere
    categories        k_g = unit(z_c(g) + N(0, 0.7)),  about 20 items each
    items             v_j = unit(k_g(j) + N(0, 0.5)),  quality  e_j ~ normal(0, 1.2)
    users             t_u = unit(z_c(u) + N(0, 0.5))

**Appeal** of item j to user u after the events h = (h_1 .. h_n), the newest first, at most 10:

    s(u, h, j) = 2.5 <t_u, v_j> + 3.5 <m(h), v_j> - 3 [j in h]
    m(h)       = sum_l 0.7^(l-1) v_(h_l) / sum_l 0.7^(l-1)            (0 where h is empty)

so that the next item is near the last ones and near the taste, and what has just been seen is
stale. The state is what a policy can see: the last ten events and who the user is.

**Exposure** is Zipf's law, drifting over hours (P_j from 1 to 6 h, a random phase f_j):

    log p_j(time) = -0.9 log rank_j + sin(2 pi (time / P_j + f_j))

**The next item** (`simulation.walk`): the shop shows a page of 12: four of what is popular now
(by p), four from categories that the user's cluster likes (with probability proportional to
exp(4 <z_c, k_g>), then by p within the category), four from the category of a recent event
(event l with probability proportional to 0.7^(l-1), then by p). The user picks one of the page
with probability proportional to exp(s).

**The funnel**: a view is followed, as the user's next events, by what the user decides then:

    P(cart) = sigma(-5.2 + 3 <t_u, v_j> + e_j)        P(fav) = sigma(-5.6 + 3 <t_u, v_j> + e_j)
    P(buy)  = sigma(-6.8 + 3 <t_u, v_j> + e_j + 3 [cart])

**A recommended list** (`simulation.feedback`): each item of it is viewed with probability
sigma(s(u, h, j) - 5), independently of the others, then comes the funnel as above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulation import feedback
from simulation.latents import Float32s, Int64s, Latents
from simulation.timeline import timeline
from simulation.walk import Walk
from transforms.messages.events import EventBatch

DEFAULT_RATE = 500.0
"""Events per second of event time."""
DEFAULT_START = 1_767_603_600
"""2026-01-05 09:00:00 UTC."""


@dataclass(frozen=True, slots=True, eq=False)
class World(Latents):
    """The users and items of `Latents`, and what can be had from them.

    `World.make(seed, users, items, clusters)` makes one. In what follows:

    users: int64 [n], ids, 1 .. world.users.
    histories: int64 [n, h], ids of items, the oldest first. Of a row, the last 10 known items
        among its first `history_lengths` ones count; unknown ids (0 in padding) are passed over,
        so that rows may be padded on either side.
    lists: int64 [n, k], ids of the items shown; the first `list_lengths` of a row count. An
        unknown item earns nothing, and one that is shown twice earns once.
    history_lengths, list_lengths: int64 [n], or None where whole rows count.
    """

    def stream(
        self,
        events: int,
        rate: float = DEFAULT_RATE,
        start: int = DEFAULT_START,
        seed: int | None = None,
        progress: Callable[[int], None] = lambda events: None,
    ) -> EventBatch:
        """A click-stream in the order of event time (`simulation.arrival` reorders it).

        Args:
            events: how many, all different.
            rate: how many a second of event time.
            start: when, in epoch seconds.
            seed: of this stream; the world's own if None.
            progress: told, now and then, how many more events are made.

        Returns:
            the events by (time, user); no user has two in the same second.

        Raises:
            TooFewUsersError: `rate` is beyond what the users do.
        """
        rng = np.random.default_rng([self.seed if seed is None else seed, 1])
        line = timeline(rng, self.users, events, rate, start)
        item, behavior = Walk(self, line, rng).run(progress)
        order = np.argsort(line.time, kind="stable")
        return EventBatch(line.user + 1, item + 1, behavior, line.time).take(order)

    def appeal(
        self,
        users: Int64s,
        histories: Int64s,
        lists: Int64s,
        history_lengths: Int64s | None = None,
    ) -> Float32s:
        """s(u, h, j) of each item: float32 [n, k], minus infinity of unknown items.

        `lists` may be [1, k], one list for all: the whole catalogue, say.

        Raises:
            ValueError: a user is not of this world.
        """
        return feedback.appeal(self, users, histories, lists, history_lengths)

    def expected_reward(
        self,
        users: Int64s,
        histories: Int64s,
        lists: Int64s,
        history_lengths: Int64s | None = None,
        list_lengths: Int64s | None = None,
    ) -> Float32s:
        """The true expected reward of showing each user its list: float32 [n].

        Of each different item the best behavior counts: pv 1, cart 2, fav 2, buy 3.

        Raises:
            ValueError: a user is not of this world.
        """
        return feedback.expected_reward(
            self, users, histories, lists, history_lengths, list_lengths
        )

    def sample_feedback(
        self,
        users: Int64s,
        histories: Int64s,
        lists: Int64s,
        rng: np.random.Generator,
        history_lengths: Int64s | None = None,
        list_lengths: Int64s | None = None,
    ) -> feedback.Int8s:
        """What each user does with each item shown, drawn from `rng`: int8 [n, k].

        An entry is the item's best behavior, an index into BEHAVIORS (a cart before a
        favourite), or -1 for an item that was not even viewed. `expected_reward` is the mean
        of `simulation.feedback.rewards(..).sum(axis=1)`.

        Raises:
            ValueError: a user is not of this world.
        """
        return feedback.sample_feedback(
            self, users, histories, lists, rng, history_lengths, list_lengths
        )

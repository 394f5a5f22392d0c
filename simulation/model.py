"""The generative model of click streams: users, items, and users' preferences.

All random numbers are drawn from the seed. Users u and items j are points on the unit sphere of
`dimensions` dimensions. N(0, s) below is normal noise whose expected squared length is s^2.

    cluster centres   z_c ~ uniform on the sphere
    categories        k_g = unit(z_c(g) + N(0, 0.7)),  about 20 items each
    items             v_j = unit(k_g(j) + N(0, 0.5)),  quality  e_j ~ normal(0, 1.2)
    users             t_u = unit(z_c(u) + N(0, 0.5))

**Appeal** of item j to user u with the history h = (h_1 .. h_n), newest first, at most 10:

    s(u, h, j) = 2.5 <t_u, v_j> + 3.5 <m(h), v_j> - 3 [j in h]
    m(h)       = sum_l 0.7^(l-1) v_(h_l) / sum_l 0.7^(l-1)            (0 where h is empty)

The next item is therefore similar to the last ones and to the user's taste, and rarely one of the
history. The state that a policy observes is the user and the last ten events.

**Exposure** follows Zipf's law with a drift over hours (periods P_j from 1 to 6 h, random phases
f_j):

    log p_j(time) = -0.9 log rank_j + sin(2 pi (time / P_j + f_j))

**The next item** (`simulation.walk`): the shop shows a page of 12 items. Four are drawn by p. Four
are drawn from categories of the user's cluster: the category with probability proportional to
exp(4 <z_c, k_g>), the item within it by p. Four are drawn from the category of a recent event:
event l with probability proportional to 0.7^(l-1), the item by p. The user chooses one item of the
page with probability proportional to exp(s).

**The funnel**: after a view, the user's next events are drawn with these probabilities:

    P(cart) = sigma(-5.2 + 3 <t_u, v_j> + e_j)        P(fav) = sigma(-5.6 + 3 <t_u, v_j> + e_j)
    P(buy)  = sigma(-6.8 + 3 <t_u, v_j> + e_j + 3 [cart])

**A recommended list** (`simulation.feedback`): each of its items is viewed with probability
sigma(s(u, h, j) - 5), independently of the others, and followed by the funnel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulation import feedback
from simulation.latents import Float32s, Int64s, Latents
from simulation.options import DEFAULT_RATE, DEFAULT_START
from simulation.timeline import timeline
from simulation.walk import Walk
from transforms.messages.events import EventBatch


@dataclass(frozen=True, slots=True, eq=False)
class World(Latents):
    """Users and items, with the streams and the feedback that they produce.

    `World.make(seed, users, items, clusters)` returns a world. Arguments of its methods:

    users: int64 [n], ids, 1 .. world.users.
    histories: int64 [n, h], ids of items, oldest first. Of the first `history_lengths` items of a
        row, the last 10 known ones are used. Unknown ids such as the padding 0 are ignored, so that
        rows may be padded on either side.
    lists: int64 [n, k], ids of the items shown; the first `list_lengths` of a row are used. An
        unknown item has the reward 0; an item that occurs twice is rewarded once.
    history_lengths, list_lengths: int64 [n]; None where complete rows are used.
    """

    def stream(
        self,
        events: int,
        rate: float = DEFAULT_RATE,
        start: int = DEFAULT_START,
        seed: int | None = None,
        progress: Callable[[int], None] = lambda events: None,
    ) -> EventBatch:
        """A click stream in event-time order (`simulation.arrival` reorders it).

        Args:
            events: number of distinct events.
            rate: events per second of event time.
            start: event time of the first events, in seconds since the epoch.
            seed: the stream's seed; None for the world's.
            progress: called with the number of further events that are done.

        Returns:
            The events by (time, user); no user has two events in one second.

        Raises:
            TooFewUsersError: `rate` is too high for the number of users.
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
        """The appeal s(u, h, j) of each item.

        Args:
            users: see the class.
            histories: see the class.
            lists: see the class; [1, k] for one list for all users.
            history_lengths: see the class.

        Returns:
            float32 [n, k]; minus infinity for unknown items.

        Raises:
            ValueError: a user is not in this world.
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
        """The true expected reward of showing each user its list.

        Each distinct item is rewarded for its best behavior: pv 1, cart 2, fav 2, buy 3.

        Returns:
            float32 [n].

        Raises:
            ValueError: a user is not in this world.
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
        """Draws each user's best behavior for each item shown.

        `expected_reward` is the mean of `simulation.feedback.rewards(..).sum(axis=1)`.

        Returns:
            int8 [n, k]: an index into BEHAVIORS (cart before fav), or -1 for an item that was not
            viewed.

        Raises:
            ValueError: a user is not in this world.
        """
        return feedback.sample_feedback(
            self, users, histories, lists, rng, history_lengths, list_lengths
        )

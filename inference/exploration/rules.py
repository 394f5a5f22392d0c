"""How a job explores: the value of `--explore`, and which users it is for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.exploration.design import Bools, Floats, Int64s, epsilon, softmax
from inference.exploration.keyed import hash_of_text, seeds
from inference.exploration.names import SOFTMAX

_USERS, _LISTS = hash_of_text(b"explore users"), hash_of_text(b"explore lists")


@dataclass(frozen=True)
class Exploration:
    """Which places of which lists are drawn, and how.

    Attributes:
        design: EPSILON or SOFTMAX.
        amount: the share of the places that are drawn evenly, or the temperature.
        users: share of the users whose lists explore.
        places: last places of a list that are drawn.
        pool: the policy's best items from which, without those of the first places, they are drawn.
        seed: selects the users and the draws.
    """

    design: str
    amount: float
    users: float = 1.0
    places: int = 2
    pool: int = 32
    seed: int = 0

    @property
    def needs_scores(self) -> bool:
        """Whether the probabilities depend on the items' scores."""
        return self.design == SOFTMAX

    def explores(self, users: Int64s) -> Bools:
        """Which users' lists explore, by a salted hash of the user: bool [n]."""
        place = (seeds(_USERS, self.seed, users) >> np.uint64(11)).astype(np.float64)
        return place < self.users * float(1 << 53)

    def list_seeds(self, users: Int64s, times: Int64s, versions: Int64s) -> np.ndarray:
        """The seed of each list's draw: uint64 [n].

        Args:
            users: int64 [n].
            times: int64 [n], ranking times.
            versions: int64 [n], a hash of the policy's label.
        """
        return seeds(_LISTS, self.seed, versions, users, times)

    def inclusion(self, scores: Floats | None, candidates: Int64s, width: int) -> Int64s:
        """The candidates' inclusion probabilities, in `design.ONE`ths: int64 [n, width].

        Args:
            scores: float64 [n, width], of the candidates, descending; None where the design needs
                none.
            candidates: int64 [n], how many candidates each row has, at least `places`.
            width: most candidates of a row.
        """
        if scores is None:
            return epsilon(candidates, width, self.places, self.amount)
        return softmax(scores, candidates, self.places, self.amount)

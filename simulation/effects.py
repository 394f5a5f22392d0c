"""How lists change users: the settings of the world that answers (`simulation.responsive`).

All strengths at 0 are the world of `simulation.model`: no user looks at a list, and the events are
those of `World.stream`. The module imports neither NumPy nor Arrow.

**Attention.** A user looks at a list with probability `attention`. Each item is viewed with
probability sigma(s'(u, h, j, t) - 5), independently of the others, and followed by the funnel of
`simulation.model`. These events are in the user's history from then on.

**Satiation.** The category g of user u has the satiation z, to which each view adds 1, and which
recovers exponentially. The appeal falls linearly with it, as the rewards of rebounding bandits
(Leqi, Kilinc-Karzan, Lipton and Montgomery, NeurIPS 2021):

    s'(u, h, j, t) = s(u, h, j) - satiation z_(u,g(j))(t)
    z(t + d)       = z(t) exp(-d / satiation_time)

**Satisfaction.** Items fulfil or disappoint those who view them, whatever their immediate reward.
The user's net exposure x has an exponential memory, as in the long-term satisfaction environment of
RecSim (Ie et al., 2019, arXiv:1909.04847), and satisfaction is a sigmoid of it. As in
SlateQ (Ie et al., 2019, arXiv:1905.12767), quality is mainly that of an item's
topic, here its category g(j):

    f_j        = 0.3 (0.8 F_g(j) + 0.6 e_j),            F, e ~ normal(0, 1)
    x         += sum of f_j over the views of a list, or -0.3 where nothing of it is viewed
    x(t + d)   = x(t) exp(-d / satisfaction_time)
    sat(t)     = tanh(x(t))                              in (-1, 1); 0 is neutral

**Sessions** last longer after good lists and end after bad ones, as SlateQ's time budget is
extended by quality. Users of KuaiSim (Zhao et al., NeurIPS 2023, arXiv:2309.12645) leave likewise:

    P(user leaves after a list)                = 1 - exp(-session max(-sat, 0))
    P(user goes on at the end of a session)    = 1 - exp(-session max(sat, 0))

**Return times** are those of the stream, scaled by satisfaction, as hazards of return are by
covariates (Kapoor et al., KDD 2014, a proportional hazard; KuaiSim's return model):

    break = (break of the stream) exp(-return_rate sat)

**Delayed purchases.** A share `delay` of the purchases after a list is made an exponentially
distributed time later, of mean `delay_time` (Chapelle, KDD 2014).

**New items.** A share `new_items` of the items appears at uniform times of the horizon. Before, the
user's own event on a new item is one on the most similar old item, and in a list it is not viewed.

**Drift.** After an exponentially distributed time of rate `drift` a day, a user has the taste and
cluster of another user. Users' own events follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from rivulet.settings import option

FULFILMENT = 0.3
"""Standard deviation of an item's fulfilment f_j."""
TOPIC_SHARE = 0.8
"""Share of the fulfilment's deviation that is the category's; its square and 0.36 are 1."""
DISAPPOINTMENT = 0.3
"""What a list of which nothing is viewed takes from the net exposure."""


@dataclass(frozen=True)
class Effects:
    """Effects of lists on users.

    Attributes:
        attention: probability that a user looks at a list.
        satiation: appeal that an item loses by each recent view of its category.
        satiation_time: time in which satiation recovers by a factor of e, in seconds.
        session: rate at which satisfied users prolong sessions and dissatisfied ones end them.
        return_rate: logarithm of the factor by which full satisfaction shortens breaks.
        satisfaction_time: time in which satisfaction fades by a factor of e, in seconds.
        delay: share of the purchases after a list that are made later.
        delay_time: mean delay of these purchases, in seconds.
        new_items: share of the items that appear during the stream.
        drift: rate at which a user's taste changes, per day.
    """

    attention: float = option(0.0, "PROBABILITY", least=0, most=1)
    satiation: float = option(0.0, "APPEAL", least=0, most=100)
    satiation_time: float = option(1_800.0, "SECONDS", above=0)
    session: float = option(0.0, "RATE", least=0, most=10)
    return_rate: float = option(0.0, "RATE", least=0, most=10)
    satisfaction_time: float = option(86_400.0, "SECONDS", above=0)
    delay: float = option(0.0, "SHARE", least=0, most=1)
    delay_time: float = option(7_200.0, "SECONDS", above=0)
    new_items: float = option(0.0, "SHARE", least=0, most=0.9)
    drift: float = option(0.0, "RATE", least=0, most=1_000)

    def problems(self) -> Iterator[str]:
        """Options without an effect, one line each."""
        defaults = {field.name: field.default for field in fields(self)}
        needs = {
            "satiation_time": ("--satiation", self.satiation),
            "satisfaction_time": ("--session or --return_rate", self.session or self.return_rate),
            "delay_time": ("--delay", self.delay),
        }
        for name, (other, strength) in needs.items():
            if not strength and getattr(self, name) != defaults[name]:
                yield f"--{name} has an effect only with {other}"
        if not self.attention:
            for name in ("satiation", "session", "return_rate", "delay"):
                if getattr(self, name):
                    yield f"--{name} has an effect only with --attention: users look at no list"

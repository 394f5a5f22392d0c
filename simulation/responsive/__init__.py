"""The world that answers: users see lists and react, with long-term effects.

`simulation.effects` has the equations. `ResponsiveWorld` is the state of all users, `play` runs it
with a policy, without a pipeline; `python -m pipelines.simulate --respond` runs it with the lists
of stores.
"""

from simulation.responsive.play import Played, play
from simulation.responsive.world import Reactions, ResponsiveWorld

__all__ = ["Played", "Reactions", "ResponsiveWorld", "play"]

"""BCQ's head, which multiplies each state once, against the plain computation."""

import torch
from torch.nn.functional import normalize

from inference.network.heads import GeneratorHead
from inference.network.sizes import Sizes


def test_the_generator_gives_the_action_that_its_critic_values_most() -> None:
    torch.manual_seed(4)
    sizes = Sizes(items=9, users=3, item_dim=5, user_dim=3, hidden=16)
    head = GeneratorHead(sizes, samples=6, phi=0.4).double()
    states = torch.randn(200, sizes.state, dtype=torch.float64)
    every = states[:, None].expand(-1, 6, -1)
    latents = head.latents.expand(200, -1, -1)
    decoded = head.decode(every, latents)
    actions = head.perturb(every, normalize(decoded, dim=-1))
    best = head.critic(every, actions).argmax(dim=1)
    assert len(best.unique()) > 1
    row = torch.arange(200)
    wanted = actions[row, best] * decoded[row, best].norm(dim=1, keepdim=True)
    assert (head(states) - wanted).abs().max() < 1e-12

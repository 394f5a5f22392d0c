"""SlateQ's decomposition: which item of a list its user's coming rewards are due to.

SlateQ (Ie et al., IJCAI 2019) writes the value of a list A as that of its items, weighted by the
probability that the user takes them:

    Q(s, A) = sum over i in A of P(i | s, A) Qbar(s, i)                    (its eq. 6)
    Qbar(s, i) = E[r + d V(s') | s, i taken]                               (its eq. 5)

In a list of Rivulet a user takes any number of items. With each taken independently of the others
and their effects on what comes adding up, what remains of the value of a list of which nothing is
taken is a constant, so that

    Q(s, A) = Qbar(s, none) + sum over i in A of P(i | s) (E[r | s, i taken] + w(s, i))

and the k items of the largest P(i | s) (E[r | s, i taken] + w(s, i)) are the best list. The critic
is fitted to the discounted rewards F of the coming lists (`training.datasets.coming_lists`), c_i
being 1 where item i was taken:

    L = mean (F - Qbar(s, none) - sum over i in A of c_i w(s, i))^2

    w(s, i) = u_i + h(s) . v_i          Qbar(s, none) = b + a_user + h(s) . z
    h(s) = sum_l 0.7^l e_(h_l)

with h_l the l-th last item of the history. Tables start at 0 (e and v small), and weights decay.
A policy then learns from the credit r_i + c_i w(s, i) of each item, instead of r_i + F, in which
what the other items of the list did is noise. F is that of the policy of the log: learning from
it is one step of policy iteration, and each round of the loop is a further one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from inference.network.sizes import Sizes
from training.datasets.lists import ShownLists

DECAY = 0.7
WIDTH = 8
ROWS = 512
STEPS = 600
"""Steps of the fit, at least; and at least EPOCHS epochs."""
EPOCHS = 3
RATE, WEIGHT_DECAY = 0.02, 0.02


class SlateCritic(nn.Module):
    """w(s, i) and Qbar(s, none) of the module's docstring.

    Args:
        sizes: numbers of items and users.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self._unknown = sizes.items
        self.recent = nn.Embedding(sizes.items + 1, WIDTH)
        self.effect = nn.Embedding(sizes.items + 1, WIDTH)
        self.item = nn.Embedding(sizes.items + 1, 1)
        self.user = nn.Embedding(sizes.users + 1, 1)
        self.rest = nn.Linear(WIDTH, 1)
        for small in (self.recent, self.effect):
            nn.init.normal_(small.weight, std=0.1)
        for none in (self.item.weight, self.user.weight, self.rest.weight, self.rest.bias):
            nn.init.zeros_(none)

    def forward(
        self, histories: Tensor, lengths: Tensor, users: Tensor, items: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What each item adds when it is taken, [n, k], and Qbar(s, none) [n].

        Args:
            histories: int64 [n, w], left-aligned, as in ShownLists.
            lengths: int64 [n].
            users: int64 [n].
            items: int64 [n, k].
        """
        age = lengths[:, None] - 1 - torch.arange(histories.shape[1], device=items.device)
        weight = torch.where(age >= 0, DECAY ** age.clamp_min(0), 0.0)
        state = (weight[:, :, None] * self.recent(histories)).sum(dim=1)
        effect = torch.einsum("nd,nkd->nk", state, self.effect(items))
        taken = (self.item(items).squeeze(2) + effect).masked_fill(items == self._unknown, 0.0)
        return taken, self.rest(state).squeeze(1) + self.user(users).squeeze(1)


def fit_critic(lists: ShownLists, sizes: Sizes, seed: int, device: torch.device) -> SlateCritic:
    """The critic of some lists with rewards of coming ones; its values are in deviations of F."""
    torch.manual_seed(seed)
    critic = SlateCritic(sizes).to(device)
    mean, deviation = scale_of(lists)
    wanted = (lists.future - mean) / deviation
    optimizer = torch.optim.AdamW(critic.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    rng = np.random.default_rng([seed, 31])
    epochs = max(EPOCHS, -(-STEPS * ROWS // len(lists)))
    steps = epochs * -(-len(lists) // ROWS)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, steps)
    for _ in range(epochs):
        order = rng.permutation(len(lists))
        for start in range(0, len(order), ROWS):
            at = order[start : start + ROWS]
            part = lists.take(at)
            added, rest = critic(*_tensors(part, device))
            taken = torch.from_numpy(part.rewards > 0).to(device)
            target = torch.from_numpy(wanted[at].astype(np.float32)).to(device)
            loss = ((rest + (taken * added).sum(dim=1) - target) ** 2).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    return critic


def with_credit(
    lists: tuple[ShownLists, ShownLists], sizes: Sizes, seed: int, device: torch.device
) -> tuple[ShownLists, ShownLists]:
    """The lists, with the coming rewards as credit of the items that were taken.

    Args:
        lists: to learn from and to validate on, with coming lists (`with_coming`). The critic is
            fitted to those to learn from.
        sizes: numbers of items and users.
        seed: of the fit.
        device: to fit on.

    Returns:
        The lists with their `credit`; as they are where nothing comes.
    """
    if not len(lists[0]) or not lists[0].future.any():
        return lists
    critic, deviation = fit_critic(lists[0], sizes, seed, device), scale_of(lists[0])[1]
    first, second = (_credited(each, critic, deviation, device) for each in lists)
    return first, second


@torch.no_grad()
def _credited(
    lists: ShownLists, critic: SlateCritic, deviation: float, device: torch.device
) -> ShownLists:
    credit = np.zeros(lists.items.shape, np.float32)
    for start in range(0, len(lists), 1 << 14):
        rows = slice(start, start + (1 << 14))
        added, _ = critic(*_tensors(lists.take(rows), device))
        credit[rows] = added.cpu().numpy() * deviation
    return replace(lists, credit=np.where(lists.rewards > 0, credit, np.float32(0)))


def scale_of(lists: ShownLists) -> tuple[float, float]:
    """Mean and standard deviation of what comes after lists."""
    return float(lists.future.mean()), float(lists.future.std()) or 1.0


def _tensors(lists: ShownLists, device: torch.device) -> tuple[Tensor, ...]:
    columns = lists.histories, lists.lengths, lists.users, lists.items
    return tuple(torch.from_numpy(column).to(device) for column in columns)

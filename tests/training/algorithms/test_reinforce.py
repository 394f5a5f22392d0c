"""REINFORCE's loss against numbers worked by hand, and what it makes of a small log."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from training.algorithms.options import ReinforceOptions
from training.algorithms.reinforce import (
    Reinforce,
    baseline_correction,
    baseline_loss,
    importance_weights,
    logged_propensities,
    policy_loss,
    top_k_multipliers,
)
from training.algorithms.softmax import ItemSampler, log_probabilities, log_softmax
from training.datasets.batches import Batch


def logs(*values: float) -> torch.Tensor:
    return torch.tensor(values).log()


def test_weights_are_capped() -> None:
    pi, beta = logs(0.5, 0.1), logs(0.1, 0.2)
    assert importance_weights(pi, beta, 3.0).tolist() == pytest.approx([3.0, 0.5])
    assert importance_weights(pi, beta, 0.0).tolist() == [1.0, 1.0]


def test_multipliers() -> None:
    # K (1 - pi)^(K - 1): 2 * 0.75 and 3 * 0.5^2
    assert top_k_multipliers(logs(0.25), 2).tolist() == pytest.approx([1.5])
    assert top_k_multipliers(logs(0.5), 3).tolist() == pytest.approx([0.75])
    assert top_k_multipliers(logs(0.5), 1).tolist() == [1.0]


def test_loss_and_gradient_by_hand() -> None:
    pi = logs(0.25, 0.5).view(1, 2).requires_grad_()
    beta, returns = logs(0.5, 0.1).view(1, 2), torch.tensor([[2.0, 1.0]])
    weights = importance_weights(pi, beta, 3.0)
    gains = top_k_multipliers(pi, 2) * returns
    real = torch.ones(1, 2, dtype=torch.bool)
    # Weights 0.5 and 3 (capped), multipliers 1.5 and 1: gains 3 and 1.
    loss = policy_loss(pi, weights, gains, torch.zeros(1, 1), real)
    assert loss.item() == pytest.approx((1.5 * math.log(4) + 3 * math.log(2)) / 2)
    loss.backward()
    assert pi.grad is not None
    assert pi.grad[0].tolist() == pytest.approx([-0.75, -1.5])


def test_a_baseline_is_subtracted_from_the_gain_and_places_that_are_not_real_do_not_count() -> None:
    pi = logs(0.25, 0.5, 0.9).view(1, 3)
    weights, gains = torch.tensor([[0.5, 3.0, 9.0]]), torch.tensor([[3.0, 1.0, 9.0]])
    baseline = torch.tensor([[2.0]], requires_grad=True)
    real = torch.tensor([[True, True, False]])
    # 0.5 (3 - 2) and 3 (1 - 2).
    loss = policy_loss(pi, weights, gains, baseline, real)
    assert loss.item() == pytest.approx((0.5 * math.log(4) - 3 * math.log(2)) / 2)
    loss = baseline_loss(weights, gains, baseline, real)
    assert loss.item() == pytest.approx((0.5 * 1 + 3 * 1) / 2)
    loss.backward()
    # d/db: -2 w (g - b) / 2
    assert baseline.grad is not None
    assert baseline.grad.item() == pytest.approx(-0.5 + 3.0)


def test_beta_of_a_list_is_the_propensity_over_its_places() -> None:
    real = torch.tensor([[True, True, False], [True, True, True]])
    propensities = torch.tensor([[0.5, 1.0, 0.0], [0.3, 0.6, 0.9]])
    beta = logged_propensities(propensities, real).exp()
    assert beta[0, :2].tolist() == pytest.approx([0.25, 0.5])
    assert beta[1].tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_softmax_by_hand() -> None:
    vectors = torch.tensor([[0.0], [math.log(3.0)], [9.0]])
    query = torch.tensor([[1.0]])
    found = log_probabilities(query, vectors, torch.tensor([1]))
    assert found.exp().tolist() == pytest.approx([0.75])


def test_a_sampled_softmax_estimates_the_sum_without_bias() -> None:
    torch.manual_seed(0)
    vectors, query = torch.randn(51, 4), torch.randn(1, 4)
    sampler = ItemSampler(np.repeat(np.arange(50), np.arange(50)), 50, 20_000, torch.device("cpu"))
    action = torch.tensor([7])
    sampled = log_probabilities(query, vectors, action, sampler.draw())
    assert sampled.item() == pytest.approx(
        log_probabilities(query, vectors, action).item(), abs=0.05
    )


def test_a_lists_softmax_is_that_of_each_of_its_items() -> None:
    torch.manual_seed(0)
    vectors, queries = torch.randn(21, 4), torch.randn(3, 4)
    actions = torch.tensor([[0, 5], [19, 2], [7, 7]])
    sampler = ItemSampler(np.arange(20), 20, 9, torch.device("cpu"))
    for drawn in (None, sampler.draw()):
        both = log_probabilities(queries, vectors, actions, drawn)
        for place in (0, 1):
            alone = log_probabilities(queries, vectors, actions[:, place], drawn)
            assert both[:, place].tolist() == pytest.approx(alone.tolist(), abs=1e-6)


def bandit_log(n: int, zeros: bool = False) -> Batch:
    """Item 0 is shown in 80% of cases and earns 1; item 1 in 20%, and earns 2."""
    action = (torch.arange(n) % 5 == 0).long()
    rewards = (1.0 + action.float())[:, None]
    if zeros:
        rewards = rewards - 1.0
    return Batch(
        torch.full((n, 3), 3),
        torch.full((n,), 3),
        torch.zeros(n, dtype=torch.int64),
        action[:, None],
        rewards,
        rewards,
        torch.where(action == 1, 0.2, 0.8)[:, None],
        torch.ones(n, dtype=torch.bool),
    )


def learnt(cap: float, logged: bool = False, baseline: bool = False) -> tuple[float, float]:
    """pi(1) and beta(1) after some steps."""
    torch.manual_seed(1)
    network = Network("reinforce", Sizes(items=3, users=1, item_dim=4, user_dim=2))
    sampler = ItemSampler(np.array([0, 1]), 3, 0, torch.device("cpu"))
    options = ReinforceOptions(
        1,
        cap,
        propensities="logged" if logged else "learnt",
        no_baseline=not baseline,
        learning_rate=0.01,
    )
    learner = Reinforce(network, sampler, options)
    batch = bandit_log(50)
    for _ in range(150):
        learner.update(batch)
    with torch.no_grad():
        state = network.encoder(batch.histories[:1], batch.lengths[:1], batch.users[:1])
        one = torch.tensor([1])
        pi = log_probabilities(network.head(state), network.vectors(), one)
        beta = learner.behaviour(state, one, None)
    return math.exp(pi.item()), math.exp(beta.item())


def test_weights_find_the_better_item_where_the_log_is_biased() -> None:
    without, _ = learnt(0.0)
    # Without weights the policy imitates: 0.2 * 2 against 0.8 * 1.
    assert without == pytest.approx(1 / 3, abs=0.05)
    corrected, beta = learnt(10.0)
    assert beta == pytest.approx(0.2, abs=0.03)
    assert corrected > 0.5
    told, _ = learnt(10.0, logged=True)
    assert told == pytest.approx(corrected, abs=0.1)
    centred, _ = learnt(10.0, logged=True, baseline=True)
    assert centred > 0.5


def test_a_baseline_counts_what_was_not_taken_against_its_item() -> None:
    torch.manual_seed(1)
    network = Network("reinforce", Sizes(items=3, users=1, item_dim=4, user_dim=2))
    sampler = ItemSampler(np.array([0, 1]), 3, 0, torch.device("cpu"))
    options = ReinforceOptions(1, 10.0, propensities="logged", learning_rate=0.01)
    learner = Reinforce(network, sampler, options)
    batch = bandit_log(50, zeros=True)
    batch.returns.masked_fill_(batch.actions == 1, 0.0)
    # Nothing earns anything but the baseline's memory of better days.
    with torch.no_grad():
        learner.baseline[2].weight.zero_()
        learner.baseline[2].bias.fill_(1.0)
    state = network.encoder(batch.histories, batch.lengths, batch.users)
    before = log_probabilities(network.head(state), network.vectors(), batch.actions)[:, 0]
    for _ in range(20):
        learner.update(batch)
    state = network.encoder(batch.histories, batch.lengths, batch.users)
    after = log_probabilities(network.head(state), network.vectors(), batch.actions)[:, 0]
    assert after.exp().sum() < before.exp().sum()


def test_beta_is_looked_up_row_by_row_and_popular_lists_teach_nothing() -> None:
    torch.manual_seed(0)
    network = Network("reinforce", Sizes(items=3, users=1, item_dim=4, user_dim=2))
    sampler = ItemSampler(np.array([0, 1]), 3, 0, torch.device("cpu"))
    learner = Reinforce(network, sampler, ReinforceOptions(1, 10.0, learning_rate=0.0))
    part = bandit_log(10)
    # A list of which nothing was drawn, with propensities of 1, is no support.
    sure = replace(part, propensities=torch.ones(10, 1))
    both = Batch(
        *(
            torch.cat([getattr(part, name), getattr(sure, name)])
            for name in Batch.__slots__
            if name not in ("decided", "following", "cut")
        )
    )
    weight = [learner.update(each)["weight"].item() for each in (part, sure, both)]
    assert weight[2] == pytest.approx((weight[0] + weight[1]) / 2)
    # The learnt beta begins as pi, so that its weights are 1.
    assert weight[1] == pytest.approx(1.0)
    assert weight[0] != pytest.approx(1.0, abs=0.01)
    popular = replace(part, decided=torch.zeros(10, dtype=torch.bool))
    losses = learner.update(popular)
    names = ("policy", "behaviour", "baseline", "correction")
    assert [losses[name].item() for name in names] == [0, 0, 0, 0]


def expected_gradient(baseline: float, correct: bool, cap: float, beta: list[float]) -> list[float]:
    """The gradient of L_pi with respect to the logits, summed over the actions of a bandit."""
    logits = torch.tensor([0.2, -0.3, 0.5], requires_grad=True)
    earned, chances = torch.tensor([1.0, 2.0, 0.5]), torch.tensor(beta)
    log_pi = logits.log_softmax(0)[None]
    log_beta = chances.clamp_min(1e-30).log()[None]
    one, real = torch.tensor([[baseline]]), torch.ones(1, 1, dtype=torch.bool)
    loss = torch.zeros(())
    for action in range(3):
        own = log_pi[:, action : action + 1]
        weight = importance_weights(own.detach(), log_beta[:, action : action + 1], cap)
        gain = top_k_multipliers(own.detach(), 1) * earned[action]
        loss = loss + chances[action] * policy_loss(own, weight, gain, one, real)
    if correct:
        loss = loss - baseline * baseline_correction(log_pi, log_beta, None, cap).sum()
    (found,) = torch.autograd.grad(loss, logits)
    return found.tolist()


def exact_gradient(cap: float, beta: list[float]) -> list[float]:
    """Without a baseline, by sums over the actions alone: -sum_a m(a) r(a) grad log pi(a)."""
    pi = np.exp([0.2, -0.3, 0.5]) / np.exp([0.2, -0.3, 0.5]).sum()
    mass = np.minimum(pi, cap * np.array(beta)) * [1.0, 2.0, 0.5]
    return (-(mass - pi * mass.sum())).tolist()


@pytest.mark.parametrize("cap", [0.5, 1.5, 1e6])
@pytest.mark.parametrize("beta", [[0.5, 0.3, 0.2], [0.7, 0.3, 0.0]])
def test_a_baseline_changes_no_expectation(cap: float, beta: list[float]) -> None:
    exact = exact_gradient(cap, beta)
    assert expected_gradient(0.0, False, cap, beta) == pytest.approx(exact, abs=1e-6)
    for baseline in (-1.0, 0.7, 3.0):
        got = expected_gradient(baseline, True, cap, beta)
        assert got == pytest.approx(exact, abs=1e-5)
    # Without the correction it holds for full support without a cap alone.
    plain = expected_gradient(3.0, False, cap, beta)
    full = cap == 1e6 and min(beta) > 0
    assert (plain == pytest.approx(exact, abs=1e-5)) == full
    if min(beta) == 0:
        # The item that was never shown gains by the baseline: its gradient is more negative.
        assert plain[2] < exact[2] - 0.1


def test_drawn_items_estimate_the_correction() -> None:
    torch.manual_seed(0)
    vectors, queries, other = torch.randn(51, 4), torch.randn(2, 4), torch.randn(2, 4)
    sampler = ItemSampler(np.repeat(np.arange(50), np.arange(50)), 50, 50_000, torch.device("cpu"))
    drawn = sampler.draw()
    assert drawn is not None
    exact = baseline_correction(
        log_softmax(queries, vectors), log_softmax(other, vectors), None, 1.5
    )
    found = baseline_correction(
        log_softmax(queries, vectors, drawn), log_softmax(other, vectors, drawn), drawn[1], 1.5
    )
    assert found[:, 0].tolist() == pytest.approx(exact[:, 0].tolist(), rel=0.05)


@pytest.mark.parametrize("samples", [0, 40])
def test_what_was_never_shown_does_not_gain_by_the_baseline(samples: int) -> None:
    torch.manual_seed(1)
    network = Network("reinforce", Sizes(items=40, users=1, item_dim=4, user_dim=2))
    sampler = ItemSampler(np.array([0, 1]), 40, samples, torch.device("cpu"))
    learner = Reinforce(network, sampler, ReinforceOptions(1, 3.0, learning_rate=0.01))
    batch = bandit_log(50)
    for _ in range(150):
        learner.update(batch)
    with torch.no_grad():
        state = network.encoder(batch.histories[:1], batch.lengths[:1], batch.users[:1])
        pi = log_softmax(network.head(state), network.vectors()).exp()[0]
    assert pi[:2].sum() > 0.8
    assert pi[1] > pi[0]

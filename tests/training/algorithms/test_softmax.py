"""The softmax with copies: whole against plain sums, sampled against whole."""

import math

import numpy as np
import pytest
import torch

from inference.network.repeats import RepeatScores
from training.algorithms.softmax import (
    ItemSampler,
    log_probabilities,
    log_probabilities_and_all,
    log_softmax,
)

ITEMS = 30


@pytest.fixture(name="rows")
def make_rows() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, RepeatScores]:
    torch.manual_seed(3)
    queries, vectors = torch.randn(6, 4), torch.randn(ITEMS + 1, 4)
    had = torch.randint(0, ITEMS + 1, (6, 5))
    had[0] = torch.tensor([2, 7, 2, ITEMS, ITEMS])
    actions = torch.stack([had[:, 0].clamp_max(ITEMS - 1), torch.arange(6)], dim=1)
    return queries, vectors, actions, RepeatScores(had, torch.randn(6, 5))


def test_against_plain_sums(rows) -> None:  # type: ignore[no-untyped-def]
    queries, vectors, actions, copies = rows
    got = log_probabilities(queries, vectors, actions, None, copies)
    for row in range(6):
        logits = [float(queries[row] @ vectors[item]) for item in range(ITEMS)]
        for item, bonus in zip(copies.items[row].tolist(), copies.bonus[row].tolist(), strict=True):
            if item < ITEMS:
                logits[item] += bonus
        total = math.log(sum(map(math.exp, logits)))
        expected = [logits[action] - total for action in actions[row].tolist()]
        assert got[row].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("with_copies", [False, True])
def test_a_sample_estimates_the_whole_sum(rows, with_copies: bool) -> None:  # type: ignore[no-untyped-def]
    queries, vectors, actions, given = rows
    copies = given if with_copies else None
    sampler = ItemSampler(np.arange(8), ITEMS, 20_000, torch.device("cpu"))
    whole = log_probabilities(queries, vectors, actions, None, copies)
    sampled = log_probabilities(queries, vectors, actions, sampler.draw(), copies)
    assert torch.allclose(sampled, whole, atol=0.05)


def test_what_a_user_just_had_is_never_left_to_chance(rows) -> None:  # type: ignore[no-untyped-def]
    queries, vectors, actions, given = rows
    copies = RepeatScores(given.items, torch.full((6, 5), 12.0))
    # The bonus makes the copies all of the sum: no draw matters.
    drawn = torch.tensor([5, 6]), torch.zeros(2)
    whole = log_probabilities(queries, vectors, actions, None, copies)
    sampled = log_probabilities(queries, vectors, actions, drawn, copies)
    assert torch.allclose(sampled, whole, atol=1e-2)


@pytest.mark.parametrize("drawn", [None, (torch.tensor([5, 6, 9]), torch.zeros(3))])
def test_both_at_once_are_the_two_apart(  # type: ignore[no-untyped-def]
    rows, drawn: tuple[torch.Tensor, torch.Tensor] | None
) -> None:
    queries, vectors, actions, copies = rows
    picked, everywhere = log_probabilities_and_all(queries, vectors, actions, drawn, copies)
    assert torch.equal(picked, log_probabilities(queries, vectors, actions, drawn, copies))
    assert torch.equal(everywhere, log_softmax(queries, vectors, drawn, copies))
    if drawn is None:
        assert torch.equal(picked, everywhere.gather(1, actions))

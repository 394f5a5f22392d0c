"""Whether this processor's 8-bit integer products are exact, and faster than float products."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from inference.search.blocks import CHUNK

LEVELS = 127
"""Largest absolute value of an 8-bit code."""

int8_matmul = torch._int_mm  # noqa: SLF001
"""Product of int8 matrices as int32; PyTorch has no public function for it."""


@cache
def has_exact_int8() -> bool:
    """Whether this processor's 8-bit products are exact.

    Without dedicated instructions the sum of two products may saturate at 16 bits.
    """
    left, right = _extreme_codes()
    try:
        product = int8_matmul(left, right.T).float()
    except RuntimeError:
        return False
    return bool(torch.equal(product, left.float() @ right.float().T))


@cache
def has_fast_int8() -> bool:
    """Whether this processor's 8-bit products are exact and faster than float products.

    The speed is measured, so a busy machine may answer either way. The answer selects the
    search method, never the result.
    """
    if not has_exact_int8():
        return False
    left, right = _extreme_codes()
    floats = left.float(), right.float().T
    # Alternating, so that other load on the machine slows both.
    pairs = [
        (_seconds(lambda: int8_matmul(left, right.T)), _seconds(lambda: floats[0] @ floats[1]))
        for _ in range(9)
    ]
    int8_time, float_time = (min(times) for times in zip(*pairs, strict=True))
    return bool(int8_time < float_time)


def _extreme_codes() -> tuple[Tensor, Tensor]:
    left = torch.full((64, 36), LEVELS, dtype=torch.int8)
    left[1::2] = -LEVELS
    right = torch.full((CHUNK, 36), LEVELS, dtype=torch.int8)
    right[:, 1::2] *= (torch.arange(CHUNK)[:, None] % 2 * 2 - 1).to(torch.int8)
    return left, right


def _seconds(work: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

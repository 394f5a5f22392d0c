"""Which model ranks for which user: the `--model` options, and shares of the users.

Models with weights share the users by a hash of the user's id alone, so that a user keeps a model
on every worker and in every run. This module needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from transforms.columns.hashing import mix

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One value of `--model`.

    Attributes:
        directory: a model directory, or a folder of versions.
        name: what rows call the model; empty for its own name.
        weight: share of the users, relative to the other models' weights.
    """

    directory: Path
    name: str = ""
    weight: float = 1.0


def parse_models(values: Sequence[str]) -> tuple[ModelChoice, ...]:
    """The models that values such as `DIR`, `name=DIR` and `name=DIR:0.9` ask for.

    Raises:
        ValueError: a value is not valid, or the values contradict each other.
    """
    choices = tuple(_parse(value) for value in values)
    names = [choice.name for choice in choices]
    if len(choices) > 1 and "" in names:
        raise ValueError("several models need names and weights: --model a=DIR:0.9 --model b=DIR:1")
    if len(set(names)) < len(names):
        raise ValueError(f"two models have one name: {', '.join(names)}")
    if choices and not sum(choice.weight for choice in choices) > 0:
        raise ValueError("the weights of the models are all 0: no user would have a model")
    return choices


def _parse(value: str) -> ModelChoice:
    name, equals, rest = value.partition("=")
    if not equals:
        name, rest = "", value
    elif not name or not all(letter.isalnum() or letter in "_.-" for letter in name):
        raise ValueError(f"{value!r}: a model's name has letters, digits, '_', '.' and '-' alone")
    directory, colon, text = rest.rpartition(":")
    weight = 1.0
    if not colon or not equals:
        directory = rest
    else:
        try:
            weight = float(text)
        except ValueError:
            weight = -1.0
        if not 0 <= weight < float("inf"):
            raise ValueError(f"{value!r}: {text!r} is no weight; give name=DIR:0.9, for example")
    if not directory:
        raise ValueError(f"{value!r} names no folder; give DIR, name=DIR or name=DIR:WEIGHT")
    return ModelChoice(Path(directory), name, weight)


def shares(users: Int64s, weights: Sequence[float]) -> Int64s:
    """The model of each user, in proportion to the weights.

    It depends on the user's id and the weights alone; the hash is SplitMix64's finalizer.

    Args:
        users: int64 [n], raw ids.
        weights: of the models; not all 0.

    Returns:
        int64 [n], positions in `weights`.
    """
    place = (mix(users) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    edges = np.cumsum(np.asarray(weights, np.float64))
    found = np.searchsorted(edges / edges[-1], place, side="right")
    # A weight of 0 has an empty interval; rounding must not send users beyond the last other one.
    return np.minimum(found, int(np.flatnonzero(np.asarray(weights) > 0)[-1])).astype(np.int64)

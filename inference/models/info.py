"""What a model directory's model.json says about the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference.network.sizes import Sizes


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model's papers.

    Attributes:
        algorithm: reinforce, ddpg or bcq.
        version: tells trainings of one name apart; by default made of the weights.
        sizes: shape of the network.
        name: what rows call the policy, by default its algorithm.
        fingerprint: SHA-256 of the training data.
        metrics: what training measured, by name.
        training: the options of the training.
    """

    algorithm: str
    version: str
    sizes: Sizes
    name: str = ""
    fingerprint: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The `policy` of recommendation rows: name and version, as in reinforce-1f3a9c02."""
        return f"{self.name or self.algorithm}-{self.version}"

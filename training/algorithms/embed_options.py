"""The options of `python -m training.embed`; the module imports no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rivulet.settings import option
from training.cli import device


@dataclass(frozen=True)
class EmbedSettings:
    """Data and output.

    Attributes:
        data: folder that training.prepare wrote.
        output: folder to write.
    """

    data: Path = option(metavar="DATA")
    output: Path = option(metavar="DIR")


@dataclass(frozen=True)
class EmbedOptions:
    """Learning.

    Attributes:
        dim: length of the embeddings.
        epochs: epochs, at most.
        patience: epochs without a lower validation loss after which training ends.
        batch: pairs in a batch; each has the others' items as negatives.
        rate: Adam's learning rate.
        temperature: tau, by which the inner products in the softmax are divided.
        id_dropout: share of the ids that are replaced by the unknown id in training.
        seed: seed of the initial weights and the order of the pairs.
        device: PyTorch device to train on, such as cpu or cuda.
    """

    dim: int = option(32, "N", least=1, most=898)
    epochs: int = option(30, "EPOCHS", least=1)
    patience: int = option(3, "EPOCHS", least=1)
    batch: int = option(1_024, "PAIRS", least=2)
    rate: float = option(3e-3, "RATE", above=0)
    temperature: float = option(0.2, "TAU", above=0)
    id_dropout: float = option(0.05, "SHARE", least=0, most=1)
    seed: int = option(0, "N", least=0)
    device: str = option("cpu", "DEVICE", parse=device)

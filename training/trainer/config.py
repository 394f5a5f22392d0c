"""The options of `python -m training.train`.

The module imports no PyTorch, so that `--help` starts fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from inference.network.encoders import encoder_names
from rivulet.settings import option
from training.algorithms.options import ReinforceOptions
from training.cli import device

LEARN_FROM = ("auto", "events", "lists")
DEFAULT_WINDOW = 10
DEFAULT_GAMMA = 0.9
"""The discount per step of a user, and per list where an algorithm plans."""


def _encoder(text: str) -> str:
    names = encoder_names()
    if text not in names:
        raise ValueError(f"{text!r} is no encoder; choose from {', '.join(names)}")
    return text


@dataclass(frozen=True)
class TrainSettings:
    """Data and model.

    Attributes:
        algorithm: algorithm to train: reinforce, ddpg, bcq, discrete-bcq, rewards, or one that an
            installed package registers.
        data: folder that training.prepare wrote.
        output: model directory to write.
        learn_from: what the algorithm learns from; events: what users did; lists: recommended
            lists and their rewards; auto: lists if the data set has a feedback log.
        embeddings: folder of training.embed whose vectors are the start.
        start: model directory to train on from, such as the one in use; it gives the network's
            shape, and new users and items enter.
        all_events: learn from the newest 20% of each user's events too, which training.evaluate
            measures on otherwise.
        logs: folder of checkpoints, CSV and TensorBoard log.
        resume: continue from the checkpoint, if there is one.
        name: name of the policy in rows of recommendations.
        version: version of the model.
        min_history: events that a user needs before the policy ranks for the user; by default
            the shortest history from which it ranks better than popular items on held-out data.
        current: when done, name OUTPUT in the file CURRENT of its parent folder, so that jobs
            that run with that folder as --model use it.
        device: PyTorch device to train on, such as cpu or cuda.
    """

    algorithm: str = option(metavar="NAME")
    data: Path = option(metavar="DATA")
    output: Path = option(metavar="MODEL")
    learn_from: str = option("auto", choices=LEARN_FROM)
    embeddings: Path | None = option(None, "DIR", shown="MODEL, if it has embeddings but no model")
    start: Path | None = option(None, "MODEL", shown="none")
    all_events: bool = option(False)
    logs: Path | None = option(None, "DIR", shown="MODEL/training")
    resume: bool = option(False)
    name: str = option("", "NAME", shown="the algorithm's name")
    version: str = option("", "TEXT", shown="8 digits of the weights' hash")
    min_history: int | None = option(None, "EVENTS", least=1, shown="measured")
    current: bool = option(False)
    device: str = option("cpu", "DEVICE", parse=device)

    def problems(self) -> Iterator[str]:
        """Two starts."""
        if self.start and self.embeddings:
            yield "--start gives the embeddings too: leave out --embeddings"


@dataclass(frozen=True)
class NetworkSettings:
    """Network.

    Attributes:
        encoder: how the state reads the last items: attention, gru, or one that an installed
            package registers.
        window: last items in the state.
        item_dim: length of the items' embeddings.
        user_dim: length of the users' embeddings; 0 for none.
        hidden: width of the hidden layers of actors, critics and generator.
        no_repeats: give the window's items no score of their own; that score has an effect only
            where lists may repeat consumed items.
    """

    encoder: str = option("attention", "NAME", parse=_encoder)
    window: int | None = option(
        None, "ITEMS", least=1, most=4096, shown=f"history size of the log, else {DEFAULT_WINDOW}"
    )
    item_dim: int = option(32, "N", least=1, most=898)
    user_dim: int = option(16, "N", least=0, most=4096)
    hidden: int = option(64, "N", least=1, most=8192)
    no_repeats: bool = option(False)


@dataclass(frozen=True)
class TrainConfig:
    """Learning.

    Attributes:
        seed: seed of weights, order, dropout and all draws.
        pretrain_epochs: epochs of supervised pretraining, at most.
        epochs: epochs of the algorithm, at most.
        patience: epochs without a better validation after which a stage ends.
        no_refit: do not train again with the validation split once the numbers of epochs are
            known.
        batch_size: rows of a step.
        pretrain_rate: AdamW's learning rate in supervised pretraining.
        learning_rate: the algorithm's learning rate.
        weight_decay: decoupled weight decay of supervised pretraining and REINFORCE.
        dropout: dropout probability in the encoder.
        gamma: discount per step of the user, or per recommended list.
        discount_time: time in which the rewards of a user's coming lists lose the factor gamma,
            so that users who come back sooner count more; 0 to lose it with each list. It has an
            effect only with lists and a gamma above 0.
        session_gap: seconds without an event after which a session ends; 0 for one session a
            user.
        full_softmax: largest catalogue with a softmax over all items.
        samples: items drawn per step for larger catalogues.
        hide_users: share of rows whose user is replaced by the unknown one.
        hide_items: share of history items that are replaced by the unknown one.
        freeze: do not train the given embeddings.
        algorithm: name of the algorithm.
        options: the algorithm's own options.
    """

    seed: int = option(0, "N", least=0)
    pretrain_epochs: int = option(30, "EPOCHS", least=0)
    epochs: int = option(10, "EPOCHS", least=0)
    patience: int = option(4, "EPOCHS", least=1)
    no_refit: bool = option(False)
    batch_size: int = option(512, "ROWS", least=1)
    pretrain_rate: float = option(2e-3, "RATE", above=0)
    learning_rate: float | None = option(None, "RATE", above=0, shown="the algorithm's own")
    weight_decay: float = option(0.0, "RATE", least=0)
    dropout: float = option(0.2, "SHARE", least=0, most=1)
    gamma: float | None = option(
        None, "SHARE", least=0, most=1, shown="0.9 for events; for lists the algorithm's own"
    )
    discount_time: int = option(0, "SECONDS", least=0)
    session_gap: int = option(3_600, "SECONDS", least=0)
    full_softmax: int = option(4_096, "ITEMS", least=0)
    samples: int = option(1_024, "ITEMS", least=1)
    hide_users: float = option(0.2, "SHARE", least=0, most=1)
    hide_items: float = option(0.02, "SHARE", least=0, most=1)
    freeze: bool = option(False)
    algorithm: str = "reinforce"
    options: Any = field(default_factory=ReinforceOptions)

    @property
    def step_gamma(self) -> float:
        """The discount per step of a user."""
        return DEFAULT_GAMMA if self.gamma is None else self.gamma

    def list_gamma(self, default: float) -> float:
        """The discount per list; `default` is the algorithm's."""
        return default if self.gamma is None else self.gamma

    @property
    def gap(self) -> int | None:
        """`session_gap`, None for one session a user."""
        return self.session_gap or None

    def as_run(self) -> dict[str, Any]:
        """What two runs must agree on for one to continue the other: all but their lengths."""
        run = asdict(self)
        del run["epochs"], run["patience"]
        return run

"""Sequence models that learn the next item of a user: SASRec and GRU4Rec.

SASRec (Kang and McAuley, 2018): two blocks of causal self-attention over the last items, with
learnt places. GRU4Rec (Hidasi et al., 2016): a gated recurrent unit over them. Both share the
items' vectors between input and output, learn at every place of a sequence at once, and by
cross-entropy over all items, or over a sample with its correction where they are many
(Klenitskiy and Vasilev, 2023, show that SASRec is at its best so). Neither knows users.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.algorithms.averaging import follow
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.sequences import TRAIN, VALID, Sequences
from training.evaluation.baselines.scores import best_of, history_rows
from training.evaluation.queries import Block
from training.trainer.training_loop import VALIDATION_ROWS
from training.trainer.validation import next_item_ndcg
from transforms.messages.ranked_lists import RankedLists

KINDS = ("sasrec", "gru4rec")


@dataclass(frozen=True, slots=True)
class SequentialOptions:
    """Shape and training of a sequence model.

    Attributes:
        dim: length of the items' vectors and of the hidden states.
        window: last items that it looks at.
        blocks: of SASRec's self-attention.
        heads: of SASRec's self-attention.
        dropout: probability.
        rate: Adam's learning rate.
        batch: sequences in a step.
        epochs: passes over the data, at most.
        patience: passes without a better validation before it stops.
        full_softmax: the largest catalogue with a softmax over all items.
        samples: items drawn per step for larger ones.
    """

    dim: int = 64
    window: int = 50
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.2
    rate: float = 1e-3
    batch: int = 32
    epochs: int = 60
    patience: int = 5
    full_softmax: int = 4_096
    samples: int = 1_024


class SequenceModel(nn.Module):
    """Rows of items to the query for the next one.

    Args:
        kind: one of KINDS.
        items: known items; the unknown one comes on top.
        options: its shape.
    """

    def __init__(self, kind: str, items: int, options: SequentialOptions) -> None:
        super().__init__()
        dim = options.dim
        self.items = nn.Embedding(items + 1, dim)
        nn.init.normal_(self.items.weight, std=1 / math.sqrt(dim))
        self.dropout = nn.Dropout(options.dropout)
        self.reader: nn.Module
        self.places: nn.Parameter | None = None
        if kind == "sasrec":
            self.places = nn.Parameter(torch.randn(options.window, dim) * 0.02)
            layer = nn.TransformerEncoderLayer(
                dim, options.heads, dim, options.dropout, batch_first=True, norm_first=True
            )
            norm = nn.LayerNorm(dim)
            self.reader = nn.TransformerEncoder(layer, options.blocks, norm, False)
        else:
            self.reader = nn.GRU(dim, dim, 1, batch_first=True)

    def read(self, rows: Tensor) -> Tensor:
        """Item rows [n, w], the oldest first, left-aligned, to queries at every place [n, w, d]."""
        x = self.items(rows)
        width = rows.shape[1]
        if self.places is None:
            hidden, _ = self.reader(self.dropout(x))
            return self.dropout(hidden)  # type: ignore[no-any-return]
        x = self.dropout(x * math.sqrt(x.shape[2]) + self.places[:width])
        ahead = torch.ones(width, width, dtype=torch.bool, device=x.device).triu(1)
        return self.reader(x, mask=ahead, is_causal=True)  # type: ignore[no-any-return]

    def forward(self, histories: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Queries [n, d] of the next item; arguments as of `StateEncoder.forward`."""
        del users
        at = lengths.clamp_min(1) - 1
        return self.read(histories)[torch.arange(len(at), device=at.device), at]

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, d]."""
        return self.items.weight

    def repeat_scores(self, items: Tensor, lengths: Tensor) -> None:
        """Nothing is added to the scores of a row's own items."""


class SequentialRanker:
    """Ranks by a trained sequence model.

    Args:
        model: the model.
        sequences: the data that it was trained on, for its items.
        window: last items that it looks at.
        device: where it is.
    """

    def __init__(
        self, model: SequenceModel, sequences: Sequences, window: int, device: torch.device
    ) -> None:
        self._model, self._items = model.eval(), sequences.items
        self._window, self._device = window, device

    @torch.inference_mode()
    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        history = history_rows(self._items, block)
        width = min(self._window, history.shape[1])
        first = np.maximum(block.lengths - width, 0)
        recent = np.take_along_axis(history, first[:, None] + np.arange(width), axis=1)
        rows = torch.from_numpy(recent).to(self._device)
        lengths = torch.from_numpy(np.minimum(block.lengths, width)).to(self._device)
        scores = (self._model(rows, lengths, lengths) @ self._model.vectors()[:-1].T).cpu()
        return best_of(scores, self._items, history, k, repeat_consumed)


def chunks(sequences: Sequences, window: int) -> npt.NDArray[np.int64]:
    """The users' training events in pieces, so that each but a user's first is a target once.

    Returns:
        Item rows int64 [n, window + 1], left-aligned, filled with the unknown item; a piece
        begins with the last event of the one before.
    """
    own = np.flatnonzero(sequences.part == TRAIN)
    place = own - sequences.start[own]
    begins = own[place % window == 0]
    at = begins[:, None] + np.arange(window + 1)
    inside = np.minimum(at, len(sequences) - 1)
    same = (sequences.start[inside] == sequences.start[begins][:, None]) & (inside == at)
    rows: npt.NDArray[np.int64] = np.where(
        same & (sequences.part[inside] == TRAIN), sequences.item[inside], sequences.items.unknown
    )
    return np.compress(rows[:, 1] != sequences.items.unknown, rows, axis=0)


def train_sequential(
    kind: str,
    sequences: Sequences,
    seed: int,
    device: torch.device,
    options: SequentialOptions,
    advance: Callable[[float], None] = lambda score: None,
) -> SequentialRanker:
    """Train a sequence model as policies are: validation tells the epochs, then all is learnt.

    Args:
        kind: one of KINDS.
        sequences: all users' events.
        seed: of weights, order and dropout.
        device: where to train.
        options: shape and training.
        advance: is told each epoch's validation NDCG@10 of the next item, for a progress bar.
    """
    steps = sequences.transitions(VALID, options.window)
    sample = np.random.default_rng(seed).permutation(len(steps))[:VALIDATION_ROWS]
    valid = steps.take(np.sort(sample))
    best, best_epoch = -1.0, 0
    for epoch, model in enumerate(_epochs(kind, sequences, seed, device, options)):
        score = next_item_ndcg(model, valid, device) if len(valid) else float(epoch)
        advance(score)
        if score > best:
            best, best_epoch = score, epoch
        elif epoch - best_epoch >= options.patience:
            break
    again = _epochs(kind, sequences.with_validation(), seed, device, options)
    for _ in range(best_epoch + 1):
        model = next(again)
        advance(best)
    return SequentialRanker(model, sequences, options.window, device)


def _epochs(
    kind: str,
    sequences: Sequences,
    seed: int,
    device: torch.device,
    options: SequentialOptions,
) -> Iterator[SequenceModel]:
    """The moving average of a model's weights after each epoch of training."""
    torch.manual_seed(seed)
    unknown = sequences.items.unknown
    model = SequenceModel(kind, unknown, options).to(device)
    average, step = copy.deepcopy(model), 0
    rows = torch.from_numpy(chunks(sequences, options.window)).to(device)
    drawn = 0 if unknown <= options.full_softmax else options.samples
    actions = sequences.item[sequences.part == TRAIN]
    sampler = ItemSampler(actions, unknown, drawn, device)
    adam = torch.optim.Adam(model.parameters(), options.rate)
    for _ in range(options.epochs):
        model.train()
        order = torch.randperm(len(rows), device=device)
        for start in range(0, len(rows), options.batch):
            loss = _loss(model, rows[order[start : start + options.batch]], sampler)
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            step += 1
            follow(average, model, step)
        yield average


def _loss(model: SequenceModel, rows: Tensor, sampler: ItemSampler) -> Tensor:
    """The mean cross-entropy over all places of pieces [n, window + 1] that have a next item."""
    unknown = len(model.vectors()) - 1
    width = int((rows != unknown).sum(dim=1).max())
    rows = rows[:, :width]
    queries, targets = model.read(rows[:, :-1]), rows[:, 1:]
    known = targets != unknown
    return -log_probabilities(
        queries[known], model.vectors(), targets[known], sampler.draw()
    ).mean()

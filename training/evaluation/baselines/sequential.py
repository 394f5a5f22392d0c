"""Trains the sequence baselines, SASRec and GRU4Rec, and ranks by them.

They learn at every place of a sequence at once, by cross-entropy over all items, or by a sampled
softmax in large catalogues. Klenitskiy and Vasilev (2023) found this loss the best for SASRec.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.algorithms.averaging import update_average
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.sequences import TRAIN, VALID, Sequences
from training.evaluation.baselines.scores import best_of, history_rows
from training.evaluation.baselines.sequence_model import SequenceModel, SequentialOptions
from training.evaluation.queries import Block
from training.trainer.validation import VALIDATION_ROWS, next_item_ndcg
from transforms.messages.ranked_lists import RankedLists


class SequentialRanker:
    """Ranks by a trained sequence model.

    Args:
        model: the model.
        sequences: the data that it was trained on, for its items.
        window: last items of a history that count.
        device: the model's device.
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
    """The users' training events in chunks, so that each but a user's first is a target once.

    Returns:
        Item rows int64 [n, window + 1], left-aligned, padded with the unknown item; a chunk begins
        with the last event of the one before.
    """
    own = np.flatnonzero(sequences.split == TRAIN)
    place = own - sequences.start[own]
    begins = own[place % window == 0]
    at = begins[:, None] + np.arange(window + 1)
    inside = np.minimum(at, len(sequences) - 1)
    same = (sequences.start[inside] == sequences.start[begins][:, None]) & (inside == at)
    rows: npt.NDArray[np.int64] = np.where(
        same & (sequences.split[inside] == TRAIN), sequences.item[inside], sequences.items.unknown
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
    """Trains a sequence model: validation finds the number of epochs, then it trains on all.

    Args:
        kind: one of KINDS.
        sequences: all users' events.
        seed: seed of weights, order and dropout.
        device: device to train on.
        options: shape and training.
        advance: called with each epoch's validation NDCG@10 of the next item.
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
    samples = 0 if unknown <= options.full_softmax else options.samples
    actions = sequences.item[sequences.split == TRAIN]
    sampler = ItemSampler(actions, unknown, samples, device)
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
            update_average(average, model, step)
        yield average


def _loss(model: SequenceModel, rows: Tensor, sampler: ItemSampler) -> Tensor:
    """The mean cross-entropy over all places of chunks [n, window + 1] that have a next item."""
    unknown = len(model.vectors()) - 1
    width = int((rows != unknown).sum(dim=1).max())
    rows = rows[:, :width]
    queries, targets = model.read(rows[:, :-1]), rows[:, 1:]
    known = targets != unknown
    return -log_probabilities(
        queries[known], model.vectors(), targets[known], sampler.draw()
    ).mean()

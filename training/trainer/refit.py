"""Trains a judged model again on more data, without validation.

The recipe is that of the judged model: the same start, options, seed, and numbers of epochs that
its validation found, in the stages `supervised_again` and `policy_again` as in the second training
of `training.trainer.session`. What it learns from may hold what the model was judged on, so that no
figure of the judged model is a figure of the result.
"""

from __future__ import annotations

import torch

from inference.models.info import ModelInfo
from training.cli import progress_bar
from training.datasets.loading import DataError
from training.datasets.sequences import TRAIN
from training.trainer.config import NetworkSettings, TrainConfig, TrainSettings
from training.trainer.inputs import lists_of, load_after, load_data, sizes_of
from training.trainer.run_log import RunLog
from training.trainer.session import EVENTS_ALONE, LISTS, LOGS, run_of, save_network
from training.trainer.trainer import Trainer, train_network
from training.trainer.training_loop import Monitor
from training.trainer.warm_start import Start


def refit(settings: TrainSettings, config: TrainConfig, judged: ModelInfo) -> ModelInfo:
    """Trains as `judged` was trained, on all events and lists of a data set; what it wrote.

    Args:
        settings: data, output and start; with `all_events`, and without `resume`.
        config: that of the judged model.
        judged: whose numbers of epochs, name and least history the result has.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the model to start from is.
        ValueError: the training diverged.
    """
    logs = settings.logs or settings.output / LOGS
    start = None if settings.start is None else Start.load(settings.start)
    if start is None:
        data, _ = load_data(settings, logs, valid_share=0.0)
        sizes = sizes_of(settings.data, data, None, NetworkSettings(), config)
    else:
        data = load_after(settings, start, valid_share=0.0)
        sizes = start.sizes(len(data.items), len(data.users))
    steps = data.transitions(TRAIN, sizes.window, config.step_gamma, config.gap)
    if not len(steps):
        raise DataError(f"{settings.data}: no user has two events to learn from")
    # Where the judged model learnt from events alone, its numbers of epochs are those of events.
    of_lists = judged.training.get("learnt_from") == LISTS
    lists = lists_of(settings, config, data, sizes.window) if of_lists else None
    with RunLog(logs) as log, progress_bar() as bar:
        first = Trainer(
            config, steps, steps.take(slice(0)), torch.device(settings.device), lists, warm=start
        )
        again = first.with_all(steps, lists, judged.metrics, Monitor(bar, log))
        network, _ = train_network(again, sizes)
    info = ModelInfo(
        algorithm=network.algorithm,
        version=settings.version,
        sizes=sizes,
        name=judged.name,
        fingerprint=data.fingerprint,
        metrics=judged.metrics,
        training=run_of(settings, config, data, sizes, start)
        | {
            "lists": 0 if lists is None else len(lists[0]),
            "learnt_from": EVENTS_ALONE if lists is None else LISTS,
            "embeddings": False,
            "judged": judged.label,
        },
        min_history=judged.min_history,
    )
    return save_network(settings.output, network, data, info)

"""The two trainings of a round: the candidate that is judged, and the version that is published.

The candidate learns from what is before the cut. A candidate that passed the gate is trained again
by the same recipe on all of the log (`training.trainer.refit`): the newest events and lists are in
it, with the items that first appear there. The candidate's files stay in the version's folder
JUDGED. A crash between the two leaves that folder, from which the next start goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inference.models.directory import load_policy
from inference.models.files import ModelError, digest_of
from inference.models.info import INFO, ModelInfo
from training.algorithms.registry import find_algorithm
from training.datasets.feedback_log import SETTINGS_KEY
from training.datasets.options import PrepareSettings, UserSample
from training.datasets.preparation import prepare
from training.datasets.raw_files import find_files
from training.estimation.list_log import log_files
from training.promotion.options import LoopSettings, RetrainSettings
from training.trainer.config import NetworkSettings, TrainConfig, TrainSettings
from training.trainer.refit import refit
from training.trainer.session import train

SCRATCH = ".loop"
JUDGED = "judged"
"""Folder in a published version's: the candidate that the gate judged."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """How a round trains.

    Attributes:
        settings: log and models.
        retrain: what to train.
        candidate: folder of the candidate, and of the version that is published.
        before: the version in use, to start from; "" for none.
    """

    settings: LoopSettings
    retrain: RetrainSettings
    candidate: Path
    before: str

    def judged(self, begin: int, end: int) -> Path:
        """The folder of the candidate to judge, trained if it is not there yet.

        Args:
            begin: older lists do not count.
            end: lists up to this time are learnt from.

        Raises:
            DataError: there is too little to learn from.
            ModelError: the model to start from is broken.
        """
        for folder in (self.candidate / JUDGED, self.candidate):
            if _is_whole(folder, self.settings.device):
                return folder
        # What a crash left could be taken for embeddings to start from.
        shutil.rmtree(self.candidate, ignore_errors=True)
        with self._data(begin, end) as run:
            train(run, NetworkSettings(), self._config())
        return self.candidate

    def publish(self, begin: int, end: int, judged: ModelInfo) -> ModelInfo:
        """Trains the judged candidate again on all of the log, as the version to use.

        Args:
            begin: older lists do not count.
            end: lists up to this time are learnt from.
            judged: what the candidate's model.json says.

        Raises:
            DataError: the log cannot be used.
            ModelError: the model to start from is broken.
        """
        kept = self.candidate / JUDGED
        if not kept.exists():
            copied = self.candidate / f".{JUDGED}"
            shutil.rmtree(copied, ignore_errors=True)
            shutil.copytree(self.candidate, copied)
            copied.rename(kept)
        with self._data(begin, end) as run:
            return refit(run, self._config(), judged)

    @contextmanager
    def _data(self, begin: int, end: int) -> Iterator[TrainSettings]:
        settings = self.settings
        scratch = settings.scratch or settings.models / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            learnt = scratch / "learnt.parquet"
            write_learnt(settings.log, begin, end, learnt)
            data = PrepareSettings(input=(str(learnt),), output=scratch / "data")
            prepare(find_files(data.input), data, UserSample())
            yield TrainSettings(
                algorithm=self.retrain.algorithm,
                data=data.output,
                output=self.candidate,
                start=settings.models / self.before if self.before else None,
                all_events=True,
                logs=scratch / "logs",
                device=settings.device,
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _config(self) -> TrainConfig:
        retrain = self.retrain
        return TrainConfig(
            algorithm=retrain.algorithm,
            options=find_algorithm(retrain.algorithm).options(),
            pretrain_epochs=retrain.pretrain_epochs,
            epochs=retrain.epochs,
            seed=retrain.seed,
        )


def _is_whole(folder: Path, device: str) -> bool:
    try:
        load_policy(folder, device)
    except ModelError:
        return False
    return True


def digest(folder: Path) -> str:
    """SHA-256 of a model directory's model.json, which has the digests of the other files."""
    return digest_of((folder / INFO).read_bytes())


def write_learnt(log: Path, begin: int, end: int, output: Path) -> None:
    """Writes the lists of a feedback log with a time in [begin, end] as one file of such a log."""
    parts = []
    for file in log_files(log):
        table = pq.read_table(file)
        time = pc.cast(table["time"], pa.int64())
        parts.append(table.filter(pc.and_(pc.less_equal(time, end), pc.greater_equal(time, begin))))
    joined = pa.concat_tables(
        [part.replace_schema_metadata(None) for part in parts], promote_options="default"
    )
    metadata = next(
        (part.schema.metadata for part in parts if SETTINGS_KEY in (part.schema.metadata or {})),
        None,
    )
    pq.write_table(joined.replace_schema_metadata(metadata), output)

"""The first model of the live loop: an epoch on what the same users did in another week."""

from __future__ import annotations

from pathlib import Path

from pipelines import simulate
from training import prepare, train

EVENTS = 6_000


def first_model(folder: Path, models: Path, world: list[str]) -> None:
    """Trains the version `first` and puts it in use.

    Args:
        folder: for the data.
        models: gets the version.
        world: options of `pipelines.simulate` for the users.

    Raises:
        RuntimeError: a command failed.
    """
    log, data = str(folder / "old.csv"), str(folder / "data")
    models.mkdir(parents=True, exist_ok=True)
    small = ["--out_of_orderness=0", "--seed=1", f"--events={EVENTS}", f"--output={log}"]
    trained = ["--algorithm=reinforce", f"--data={data}", f"--output={models / 'first'}"]
    shape = ["--item_dim=16", "--user_dim=8", "--hidden=32"]
    epochs = ["--all_events", "--no_refit", "--pretrain_epochs=1", "--epochs=0", "--current"]
    status = (
        simulate.main([*small, *world])
        or prepare.main(["--input", log, "--output", data])
        or train.main([*trained, *shape, *epochs])
    )
    if status:
        raise RuntimeError(f"the first model was not trained: status {status}")

"""Rounds of the loop on real servers: what users do decides which model they get.

    python -m benchmarks.live [--rounds 3] [--minutes 15]

Kafka, Redis, the job on an embedded Flink and the API are started on this machine. The job reads
clicks and impressions from Kafka and writes lists to Redis. Simulated users get their lists from
the API, which writes the impressions, and react (`benchmarks.live.users`). `training.loop` beside
them retrains on the job's feedback log and decides. Event time is the clock's. The first model is
trained too little, on a log of another week.

The table has, per round, the model in use before the decision, the lists since the decision before,
their reward with a 95% interval clustered by user, the true regret a list against the myopic
oracle, how many lists users got too late (`benchmarks.live.users`) and the decision. The status is
1 where not all rounds ended in time or a process ended, and 2 where --keep names a folder in use.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live.first_model import first_model
from benchmarks.live.report import Round, rounds_of, table_of
from benchmarks.live.site import Site, run_site
from benchmarks.options import read_settings
from rivulet.settings import option
from training.estimation.rows import EstimationError
from training.promotion.rollout import read_rewards

POLL_S = 2.0
FIRST_LOG = 120
"""Seconds of event time that the log must have before `training.loop` starts."""


@dataclass(frozen=True)
class LiveSettings:
    """Benchmark.

    Attributes:
        rounds: decisions of the loop to wait for.
        minutes: longest time, in minutes of the clock.
        users: simulated users.
        items: items.
        rate: the users' own events a second.
        every: event time of a round, in seconds.
        keep: new or empty folder for the servers' files, the log and the models.
    """

    rounds: int = option(3, "N", least=1)
    minutes: float = option(15.0, "MINUTES", above=0)
    users: int = option(1_200, "N", least=1)
    items: int = option(200, "N", least=40)
    rate: float = option(36.0, "EVENTS", above=0)
    every: int = option(150, "SECONDS", least=60)
    keep: Path | None = option(None, "DIR", shown="removed at the end")


def run(chosen: LiveSettings, folder: Path, started: float) -> list[Round]:
    """Runs the servers until enough rounds are over, or the time is; what was decided.

    Raises:
        RuntimeError: one of the processes ended.
    """
    models, log, truth = folder / "models", folder / "log", folder / "truth.csv"

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:.0f} s: {text}", flush=True)

    world = [f"--users={chosen.users}", f"--items={chosen.items}", f"--rate={chosen.rate:g}"]
    seeds = ["--clusters=6", "--world_seed=3"]
    first_model(folder, models, [*world, *seeds])
    say("the first model is trained")
    with ExitStack() as stack:
        site = Site(stack, folder, {})
        servers = run_site(site, models, log)
        say("the job makes lists")
        topics = [f"--api={servers.api}", f"--clicks={servers.clicks}", f"--truth={truth}"]
        site.start("users", "benchmarks.live.users", [*topics, *world, *seeds])
        told, looping = 0, False
        rounds: list[Round] = []
        while time.monotonic() - started < 60 * chosen.minutes and len(rounds) < chosen.rounds:
            time.sleep(POLL_S)
            site.check()
            if not looping and _span(log) >= FIRST_LOG:
                looping = True
                say(f"the log has {FIRST_LOG} s: the loop begins")
                flags = ["--min_ess=20", "--most_unsupported=1", "--horizon=1h", "--poll=2"]
                epochs = ["--algorithm=rewards", "--pretrain_epochs=4", "--epochs=40"]
                where = [f"--log={log}", f"--models={models}", f"--every={chosen.every}s"]
                site.start("loop", "training.loop", [*where, *flags, *epochs])
            rounds = rounds_of(models, log, truth)
            for each in rounds[told:]:
                say(f"{each.decision.action}: {each.decision.reason}")
            told = len(rounds)
        return rounds


def _span(log: Path) -> int:
    try:
        rewards = read_rewards(log, 0)
    except EstimationError:
        return 0  # There is no file yet.
    return int(rewards.time.max() - rewards.time.min()) if len(rewards.time) else 0


def main() -> int:
    """Runs the rounds and prints the table; the status is that of the module's docstring."""
    from rich.console import Console

    chosen = read_settings("live", __doc__, LiveSettings)
    started = time.monotonic()
    # The servers end with this process, however it is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            print(f"--keep: {folder} is not empty: name a new folder", file=sys.stderr)
            return 2
        try:
            rounds = run(chosen, folder, started)
        except RuntimeError as error:
            print(f"benchmarks.live: {error}", file=sys.stderr)
            return 1
    Console(width=160).print(table_of(rounds))
    print(f"{len(rounds)} rounds in {(time.monotonic() - started) / 60:.1f} minutes")
    return 0 if len(rounds) >= chosen.rounds else 1


if __name__ == "__main__":
    sys.exit(main())

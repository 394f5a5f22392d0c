"""Ten rounds of log, train and deploy in simulated worlds whose users see the lists.

    python -m benchmarks.loop --worlds 5 --rounds 10

Each world has a first model, which learnt from what users did on their own. In each round an arm
shows lists, logs what users did with them, and learns from all of its rounds. All arms of a world
begin with the same events. The table has, for each round, the share of the gap between the first
model and the myopic oracle that the newly deployed policy has closed (true expected rewards without
exploration, in states of the next round), and the regret: what the lists that were shown earn less
than the oracle's, summed over the rounds, a list. Intervals are of the mean over the worlds
(Student's t, 95%).
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.loop.rounds import LoopSettings, Rounds, rounds_in
from benchmarks.worlds import interval, over_worlds
from rivulet.settings import ArgumentParser
from training.cli import run_command


def tables(found: list[dict[str, Rounds]]) -> list[Table]:
    """The share of the gap closed and the cumulative regret, by round and arm."""
    arms = list(found[0])
    closed = Table("after round", *arms[1:], title="share of the gap closed")
    regret = Table("after round", *arms, title="cumulative regret, rewards a list")
    for number in range(len(found[0][arms[0]].closed)):
        label = str(number + 1)
        shares = (interval([each[arm].closed[number] for each in found]) for arm in arms[1:])
        closed.add_row(label, *shares)
        lost = (interval([sum(each[arm].regret[: number + 1]) for each in found]) for arm in arms)
        regret.add_row(label, *lost)
    return [closed, regret]


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    parser.add_settings(LoopSettings)
    options = parser.settings_of(LoopSettings, parser.parse_args(argv))
    worlds = [(options, seed) for seed in range(options.worlds)]
    found = over_worlds(rounds_in, worlds, options.workers)
    for table in tables(found):
        Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)

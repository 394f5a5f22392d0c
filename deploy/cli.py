"""The command `python -m deploy`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.components import PARTS, USUAL, Part, Settings
from deploy.flink import ClusterSettings
from deploy.flink.distribution import BACKENDS
from rivulet.system.programs import ProgramError

DEFAULT_DATA = Path(".rivulet")
# Without a terminal there is no width to keep to, and addresses must stay whole.
PIPE_WIDTH = 240
DESCRIPTION = """\
Real servers on this machine, on loopback, without containers: for development and tests.

  up      install what is missing, start, wait until each answers, print the addresses
  down    stop what `up` started in this data folder, and nothing else
  status  tell what runs

Downloads are kept in ~/.cache/rivulet (or where RIVULET_CACHE says), logs in DATA/logs.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} names none of {', '.join(PARTS)}")
    if not number.isdigit() or not 0 < int(number) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PORT with a port of 1 to 65535")
    return name, int(number)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = _Parser(
        prog="python -m deploy",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("action", choices=("up", "down", "status"), help="what to do")
    made.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"any of {', '.join(PARTS)} (default: up {' '.join(USUAL)}; down and status: all)",
    )
    made.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="folder of all data, logs and process ids (default: %(default)s)",
    )
    made.add_argument(
        "--port",
        type=_port,
        action="append",
        default=[],
        metavar="NAME=PORT",
        help="a server's port; may be repeated (default: the one it had in this data folder, else "
        "its well-known one, else a free one)",
    )
    cluster = made.add_argument_group("flink", "used by `up flink`")
    cluster.add_argument(
        "--task-managers", type=_count, default=2, metavar="N", help="how many (default: 2)"
    )
    cluster.add_argument(
        "--slots",
        type=_count,
        default=2,
        metavar="N",
        help="slots of each task manager, so the parallelism that it takes (default: 2)",
    )
    cluster.add_argument(
        "--state-backend",
        choices=BACKENDS,
        default="rocksdb",
        help="state on disk or in memory (default: rocksdb)",
    )
    cluster.add_argument(
        "--task-heap",
        type=_count,
        default=512,
        metavar="MIB",
        help="Java memory of each task manager for the job (MiB, default: 512)",
    )
    cluster.add_argument(
        "--high-availability",
        action="store_true",
        help="keep the jobs in a ZooKeeper: they go on when a lost job manager is brought up again",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line, `sys.argv`'s by default.

    Returns:
        The exit status: 0, 1 if a part failed, 2 for a bad option, 130 after Ctrl-C.
    """
    made = parser()
    given = made.parse_args(arguments)
    unknown = [name for name in given.names if name not in PARTS]
    if unknown:
        made.error(f"unknown name {unknown[0]!r}; choose from {', '.join(PARTS)}")
    cluster = ClusterSettings(
        task_managers=given.task_managers,
        slots=given.slots,
        backend=given.state_backend,
        heap_mb=given.task_heap,
        high_availability=given.high_availability,
    )
    settings = Settings(given.data, dict(given.port), cluster)
    names = given.names or (USUAL if given.action == "up" else tuple(PARTS))
    parts = {name: PARTS[name](settings) for name in dict.fromkeys(names)}
    action: Callable[[dict[str, Part], Console], int] = {
        "up": _up,
        "down": _down,
        "status": _status,
    }[given.action]
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    try:
        return action(parts, console)
    except KeyboardInterrupt:
        return 130


def _up(parts: dict[str, Part], console: Console) -> int:
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    failed = False
    with ThreadPoolExecutor(len(parts)) as pool, console.status("") as line:
        work = {name: pool.submit(part.up) for name, part in parts.items()}
        waiting = list(parts)
        line.update(f"starting {', '.join(waiting)} ...")
        for name, result in work.items():
            try:
                result.result()
            except ProgramError as error:
                failed = True
                errors.print(f"[red]{name}:[/] {escape(str(error))}")
            waiting.remove(name)
            line.update(f"starting {', '.join(waiting)} ...")
    _status(parts, console)
    return int(failed)


def _down(parts: dict[str, Part], console: Console) -> int:
    with ThreadPoolExecutor(len(parts)) as pool, console.status("stopping ..."):
        ran = dict(zip(parts, pool.map(lambda part: part.down(), parts.values()), strict=True))
    stopped = [name for name, was_running in ran.items() if was_running]
    console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _status(parts: dict[str, Part], console: Console) -> int:
    table = Table(box=None, pad_edge=False)
    for title in ("name", "state", "pid", "address", "log"):
        table.add_column(title, overflow="fold")
    for part in parts.values():
        for row in part.rows():
            state = row.state if row.state in ("running", "built") else f"[dim]{row.state}[/]"
            log = _short(row.log) if row.log else ""
            table.add_row(row.name, state, str(row.pid or ""), escape(row.address), escape(log))
    console.print(table)
    return 0


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)

"""The command `python -m deploy`."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.components import COMPONENTS, DEFAULT_NAMES, Component, ComponentSettings
from deploy.flink import ClusterSettings
from rivulet.settings import ArgumentParser, option
from rivulet.system.programs import ProgramError

PIPE_WIDTH = 240
"""Columns of the table where standard output is not a terminal: addresses stay on one line."""
DESCRIPTION = """\
Development servers on this machine, on loopback, without containers.

  up      install what is missing, start, wait until each server answers, print the addresses
  down    stop the servers that `up` started in this data folder
  status  show what runs

Downloads are kept in ~/.cache/rivulet (or the folder RIVULET_CACHE), logs in DATA/logs.
"""


class PortOf(NamedTuple):
    """A component's port on loopback."""

    name: str
    port: int


def _port(text: str) -> PortOf:
    name, _, number = text.partition("=")
    if name not in COMPONENTS:
        raise ValueError(f"{text!r} names none of {', '.join(COMPONENTS)}")
    if not number.isdigit() or not 0 < int(number) < 65536:
        raise ValueError(f"{text!r} is not NAME=PORT with a port from 1 to 65535")
    return PortOf(name, int(number))


@dataclass(frozen=True)
class DeploySettings:
    """Servers.

    Attributes:
        data: folder of all data, logs and process ids.
        port: a component's port; may be repeated.
    """

    data: Path = option(Path(".rivulet"), "DIR")
    port: tuple[PortOf, ...] = option(
        (),
        "NAME=PORT",
        parse=_port,
        shown="the port that it had in this data folder, else its well-known port if that is "
        "free, else any free port",
    )


def parser() -> ArgumentParser:
    """The command's parser."""
    made = ArgumentParser(prog="python -m deploy", description=DESCRIPTION)
    made.add_argument("action", choices=("up", "down", "status"), help="what to do")
    made.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"any of {', '.join(COMPONENTS)} "
        f"(default: up {' '.join(DEFAULT_NAMES)}; down and status: all)",
    )
    made.add_settings(DeploySettings)
    made.add_settings(ClusterSettings)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; `sys.argv`'s by default.

    Returns:
        The exit status: 0; 1 if a component failed, 2 for a bad option, 130 after Ctrl-C.
    """
    made = parser()
    given = made.parse_args(arguments)
    unknown = [name for name in given.names if name not in COMPONENTS]
    if unknown:
        made.error(f"unknown name {unknown[0]!r}; choose from {', '.join(COMPONENTS)}")
    deploy = made.settings_of(DeploySettings, given)
    cluster = made.settings_of(ClusterSettings, given)
    settings = ComponentSettings(deploy.data, dict(deploy.port), cluster)
    names = given.names or (DEFAULT_NAMES if given.action == "up" else tuple(COMPONENTS))
    try:
        components = {name: COMPONENTS[name](settings) for name in dict.fromkeys(names)}
    except (ProgramError, OSError) as error:
        made.error(str(error))
    actions: dict[str, Callable[[dict[str, Component], Console], int]] = {
        "up": _up,
        "down": _down,
        "status": _status,
    }
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    try:
        return actions[given.action](components, console)
    except KeyboardInterrupt:
        return 130


def _up(components: dict[str, Component], console: Console) -> int:
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    failed = False
    with ThreadPoolExecutor(len(components)) as pool, console.status("") as line:
        started = {name: pool.submit(component.up) for name, component in components.items()}
        waiting = list(components)
        line.update(f"starting {', '.join(waiting)} ...")
        for name, start in started.items():
            try:
                start.result()
            except (ProgramError, OSError) as error:
                failed = True
                errors.print(f"[red]{name}:[/] {escape(str(error))}")
            waiting.remove(name)
            line.update(f"starting {', '.join(waiting)} ...")
    _status(components, console)
    return int(failed)


def _down(components: dict[str, Component], console: Console) -> int:
    with ThreadPoolExecutor(len(components)) as pool, console.status("stopping ..."):
        ran = list(pool.map(lambda component: component.down(), components.values()))
    stopped = [name for name, was_running in zip(components, ran, strict=True) if was_running]
    console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _status(components: dict[str, Component], console: Console) -> int:
    table = Table(box=None, pad_edge=False)
    for title in ("name", "state", "pid", "address", "log"):
        table.add_column(title, overflow="fold")
    for component in components.values():
        for row in component.rows():
            state = row.state if row.state in ("running", "built") else f"[dim]{row.state}[/]"
            log = _relative(row.log) if row.log else ""
            table.add_row(row.name, state, str(row.pid or ""), escape(row.address), escape(log))
    console.print(table)
    return 0


def _relative(path: Path) -> str:
    """A path relative to the working directory where it is below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)

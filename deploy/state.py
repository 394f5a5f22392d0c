"""What a data folder keeps of a server from one start to the next: its ports and its process."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rivulet.system.ports import free_port, is_free
from rivulet.system.processes import Process
from rivulet.system.programs import ProgramError


@dataclass
class ServerState:
    """A server's ports and process.

    Attributes:
        ports: ports by role; they stay the same from one start to the next.
        process: the process that was started last; None after a stop.
    """

    ports: dict[str, int] = field(default_factory=dict)
    process: Process | None = None

    @classmethod
    def load(cls, path: Path) -> "ServerState":
        """Reads the state from a file; an empty state if there is no file.

        Raises:
            ProgramError: the file does not have a server's state.
        """
        try:
            saved = json.loads(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValueError as error:
            raise _not_a_state(path) from error
        try:
            ports = {str(role): int(port) for role, port in saved["ports"].items()}
            process = saved["process"]
            return cls(ports, Process(int(process["pid"]), str(process["started"]))
                       if process else None)  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _not_a_state(path) from error

    def save(self, path: Path) -> None:
        """Writes the state to a file, atomically."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(path)


def _not_a_state(path: Path) -> ProgramError:
    return ProgramError(
        f"{path} does not have a server's state: stop the server, if it runs, and remove the file"
    )


def choose_ports(
    name: str,
    roles: Mapping[str, int],
    last: Mapping[str, int],
    requested: int = 0,
    usual: bool = False,
    fresh: bool = False,
) -> dict[str, int]:
    """Chooses a server's ports.

    The first role takes the requested port. Otherwise a role takes its last port, its well-known
    port or any free port, in this order.

    Args:
        name: the server's name, for errors.
        roles: well-known ports by role.
        last: the ports of the last start, by role.
        requested: the port of the first role; 0 for none in particular.
        usual: try well-known ports before any free port.
        fresh: use any free ports, because the last choice did not work.

    Returns:
        Ports by role.

    Raises:
        ProgramError: the requested port, or a port of the last start, is in use.
    """
    chosen: dict[str, int] = {}
    for role, well_known in roles.items():
        if requested and not chosen:
            port = requested
            if not is_free(port):
                raise ProgramError(
                    f"{name}: port {port} is taken by another program. "
                    "Request another port, or none for any free port."
                )
        elif last.get(role) and not fresh:
            port = last[role]
            if not is_free(port):
                raise ProgramError(
                    f"{name}: port {port}, which it had before, is now taken by another program. "
                    f"Stop that program, or give --port {name}=N for another port."
                )
        elif usual and is_free(well_known) and not fresh:
            port = well_known
        else:
            port = free_port(avoid=frozenset(chosen.values()))
        chosen[role] = port
    return chosen

"""What a data folder keeps of a server: ports and process; damaged files are refused."""

import socket
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.state import ServerState, choose_ports
from rivulet.system.ports import LOOPBACK, free_port
from rivulet.system.processes import Process
from rivulet.system.programs import ProgramError


@pytest.mark.parametrize("process", [None, Process(77, "boot:5")])
def test_a_state_is_read_as_it_was_written(tmp_path: Path, process: Process | None) -> None:
    state = ServerState({"redis": 6379}, process)
    state.save(tmp_path / "state.json")
    assert ServerState.load(tmp_path / "state.json") == state


def test_no_file_is_an_empty_state(tmp_path: Path) -> None:
    assert ServerState.load(tmp_path / "state.json") == ServerState()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "{}", '{"ports": 7, "process": null}', '{"ports": {"a": "b"}}',
     '{"ports": {}, "process": {"pid": 1}}', '{"ports": {}, "process": [1]}', "\x00\xff"],
)  # fmt: skip
def test_a_damaged_file_is_one_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "redis" / "state.json"
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ProgramError, match="does not have a server's state"):
        ServerState.load(path)
    with pytest.raises(SystemExit) as end:
        main(("status", "redis", "--data", str(tmp_path)))
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line


def test_ports_are_the_requested_the_last_the_well_known_or_any() -> None:
    a, b, c = free_port(), free_port(), free_port()
    roles = {"web": a, "rpc": b}
    assert choose_ports("it", roles, {}, usual=True) == {"web": a, "rpc": b}
    assert choose_ports("it", roles, {}, requested=c, usual=True) == {"web": c, "rpc": b}
    assert choose_ports("it", roles, {"web": c}, usual=True) == {"web": c, "rpc": b}
    fresh = choose_ports("it", roles, {"web": c}, fresh=True)
    assert len({*fresh.values()}) == 2


@pytest.mark.parametrize("requested", [True, False])
def test_a_port_in_use_is_refused(requested: bool) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        last = {} if requested else {"web": port}
        with pytest.raises(ProgramError, match=f"port {port}"):
            choose_ports("it", {"web": 1}, last, requested=port if requested else 0)
        # A well-known port in use is not an error: another port is chosen.
        assert choose_ports("it", {"web": port}, {}, usual=True)["web"] != port

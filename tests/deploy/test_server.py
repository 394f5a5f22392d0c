"""The behaviour of all servers, tested with the fastest one."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deploy.servers.redis import Redis
from deploy.state import ServerState
from rivulet.system.ports import LOOPBACK, is_open
from rivulet.system.processes import Process
from rivulet.system.programs import ProgramError

pytestmark = pytest.mark.servers


def test_two_data_folders_live_side_by_side(tmp_path: Path) -> None:
    with Redis(tmp_path / "a") as a, Redis(tmp_path / "b") as b:
        assert a.url != b.url
        a.stop()
        b.ping()


def test_a_second_start_finds_the_first(tmp_path: Path) -> None:
    with Redis(tmp_path) as first:
        again = Redis(tmp_path).start()
        assert again.process == first.process
        assert again.url == first.url


def test_stop_spares_another_process_with_the_recorded_id(tmp_path: Path) -> None:
    other = subprocess.Popen(("sleep", "600"))
    try:
        (tmp_path / "redis").mkdir()
        ServerState({"redis": 1}, Process(other.pid, "another start")).save(
            tmp_path / "redis" / "state.json"
        )
        server = Redis(tmp_path)
        assert server.process is None
        server.stop()
        server.kill()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_requested_port_is_used_and_one_in_use_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ProgramError, match=f"port {port} is taken"):
            Redis(tmp_path, port=port).start()
    with Redis(tmp_path, port=port) as server:
        assert server.url == f"redis://127.0.0.1:{port}/0"


def test_a_server_that_dies_while_starting_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"(?s)ended while starting.*no-such-option"):
        Redis(tmp_path, options=("--no-such-option", "1")).start()


def test_options_reach_the_server(tmp_path: Path) -> None:
    with Redis(tmp_path, options=("--requirepass", "secret")) as server:
        assert b"NOAUTH" in _ask(server.port)


def _ask(port: int) -> bytes:
    with socket.create_connection((LOOPBACK, port), timeout=60) as client:
        client.sendall(b"PING\r\n")
        return client.recv(100)


def test_a_process_reaper_ends_the_servers_of_a_process_that_is_killed(tmp_path: Path) -> None:
    program = """
        import sys, time
        from pathlib import Path
        from deploy.process_reaper import ProcessReaper
        from deploy.servers.redis import Redis
        with ProcessReaper(Path(sys.argv[1])) as reaper, Redis(reaper.folder) as server:
            print(server.port, flush=True)
            time.sleep(600)
    """
    command = (sys.executable, "-c", textwrap.dedent(program), str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        port = int(user.stdout.readline())
        assert is_open(port)
        os.kill(user.pid, signal.SIGKILL)
    end = time.monotonic() + 120
    while is_open(port) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_open(port)

"""The server against clients that send too much, too slowly, or nothing at all.

While each does so, others must be answered.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.hostile.sockets import (
    WAIT_SECONDS,
    connection,
    received,
    resident_bytes,
    send_until_closed,
    status,
)
from tests.serving.running import serving_process
from tests.serving.tables import fill, sample

TOKEN = "correct-horse-battery"  # noqa: S105
MiB = 1 << 20
HEAD = b"HTTP/1.1\r\nHost: 127.0.0.1\r\n"
Server = tuple[str, "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a token and short times."""
    folder = tmp_path_factory.mktemp("hostile")
    fill(f"sqlite:///{folder}/rivulet.db", sample())
    short = ("--header_timeout=2", "--request_timeout=3", "--write_timeout=2")
    with serving_process(folder, *short, token=TOKEN, models=False) as running:
        yield running
    log = (folder / "serving.log").read_text()
    assert "Traceback" not in log
    assert TOKEN not in log


def assert_answers(address: str) -> None:
    assert httpx.get(f"{address}/health", timeout=WAIT_SECONDS).status_code == 200


def test_endless_headers_are_431_and_take_no_memory(server: Server) -> None:
    address, process = server
    before = resident_bytes(process.pid)
    with connection(address) as client:
        client.sendall(b"GET /popular " + HEAD + b"X-Bomb: ")
        sent = send_until_closed(client, b"a" * 65536, 256 * MiB)
        assert status(received(client)) in (431, 0)
    assert sent < 16 * MiB
    assert resident_bytes(process.pid) - before < 32 * MiB
    assert_answers(address)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /popular " + HEAD + b"X-Large: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /popular " + HEAD + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /popular?" + b"a" * 70_000 + b" " + HEAD + b"\r\n",
    ],
    ids=["one large header", "many headers", "a long address"],
)
def test_large_heads_are_431(server: Server, head: bytes) -> None:
    with connection(server[0]) as client:
        client.sendall(head)
        assert status(received(client)) == 431


def test_endless_trailers_end(server: Server) -> None:
    address, _ = server
    with connection(address) as client:
        client.sendall(b"POST /login " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Bomb: ")
        assert send_until_closed(client, b"a" * 65536, 256 * MiB) < 16 * MiB
    assert_answers(address)


@pytest.mark.parametrize("start", [b"", b"GET /popular HT", b"\r\n\r\n"])
def test_a_head_that_does_not_arrive_ends(server: Server, start: bytes) -> None:
    with connection(server[0]) as client:
        client.sendall(start)
        answer = received(client)
    assert status(answer) in ((408,) if start.strip() else (0,))


def test_empty_lines_after_an_answer_do_not_keep_a_connection(server: Server) -> None:
    with connection(server[0]) as client:
        client.sendall(b"GET /health " + HEAD + b"\r\n")
        deadline = time.monotonic() + WAIT_SECONDS
        client.settimeout(0.3)
        closed = False
        while not closed and time.monotonic() < deadline:
            try:
                client.sendall(b"\r\n")
                closed = client.recv(1 << 16) == b""
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                closed = True
        assert closed


def drip(client: socket.socket) -> bytes:
    """Sends a byte again and again until the server closes; what it answered."""
    deadline = time.monotonic() + WAIT_SECONDS
    client.settimeout(0.2)
    answer = b""
    while time.monotonic() < deadline:
        try:
            client.sendall(b"a")
            part = client.recv(1 << 16)
            answer += part
            if not part:
                return answer
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return answer
    raise AssertionError("the connection is still open")


def test_a_body_that_drips_is_408(server: Server) -> None:
    with connection(server[0]) as client:
        client.sendall(b"POST /login " + HEAD + b"Content-Length: 4000\r\n\r\n")
        assert status(drip(client)) == 408


def test_a_body_that_drips_after_its_answer_ends(server: Server) -> None:
    with connection(server[0]) as client:
        client.sendall(b"GET /health " + HEAD + b"Content-Length: 100000\r\n\r\n")
        assert status(drip(client)) == 200


def test_a_client_that_does_not_read_ends(server: Server) -> None:
    address, _ = server
    url = httpx.URL(address)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(WAIT_SECONDS)
        client.connect((url.host, url.port))
        authorization = f"Authorization: Bearer {TOKEN}\r\n".encode()
        request = b"GET /static/vendor/swagger-ui-bundle.js " + HEAD + authorization + b"\r\n"
        # The client's request is refused with a reset once the server has given up.
        send_until_closed(client, request, 1 << 20)
        deadline = time.monotonic() + WAIT_SECONDS
        closed = False
        while not closed and time.monotonic() < deadline:
            time.sleep(0.2)
            try:
                client.sendall(b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                closed = True
            except TimeoutError:
                break
        assert closed
    assert_answers(address)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_login_without_a_token_is_413(server: Server, chunked: bool) -> None:
    body = b"token=" + b"a" * (5 * MiB)
    content = iter([body]) if chunked else body
    answer = httpx.post(f"{server[0]}/login", content=content, timeout=WAIT_SECONDS)
    assert answer.status_code == 413
    assert "bytes" in answer.json()["detail"]


def test_idle_connections_do_not_stop_answers(tmp_path: Path) -> None:
    """More idle connections than the limit: each new one replaces the longest idle one."""
    fill(f"sqlite:///{tmp_path}/rivulet.db", sample())
    limits = ("--max_connections=20", "--max_connections_per_peer=20", "--header_timeout=600")
    with (
        serving_process(tmp_path, *limits, models=False) as (address, _),
        ExitStack() as clients,
    ):
        for _ in range(100):
            clients.enter_context(connection(address))
        for _ in range(10):
            assert_answers(address)


def test_connections_of_one_peer_are_limited(tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/rivulet.db", sample())
    with serving_process(tmp_path, "--max_connections_per_peer=4", models=False) as (address, _):
        with ExitStack() as clients:
            for _ in range(4):
                client = clients.enter_context(connection(address))
                client.sendall(b"GET /events " + HEAD + b"\r\n")
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
            with connection(address) as client:
                client.sendall(b"GET /health " + HEAD + b"\r\n")
                answer = received(client)
            # Data that the server has not read may turn its answer into a reset.
            assert status(answer) in (503, 0)
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{address}/health").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        assert_answers(address)


def test_wrong_tokens_have_a_brake(tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/rivulet.db", sample())
    right = {"Authorization": f"Bearer {TOKEN}"}
    with (
        serving_process(tmp_path, token=TOKEN, models=False) as (address, _),
        httpx.Client(base_url=address, timeout=WAIT_SECONDS) as logged_in,
        httpx.Client(base_url=address, timeout=WAIT_SECONDS) as client,
    ):
        assert logged_in.post("/login", data={"token": TOKEN}).status_code == 303
        assert client.get("/popular", headers=right).status_code == 200
        for number in range(40):
            wrong = {"Authorization": f"Bearer wrong-{number}"}
            answer = client.get("/popular", headers=wrong)
            assert answer.status_code in (401, 429)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        # The right token is not compared either, so that guesses do not show which one is right.
        assert client.get("/popular", headers=right).status_code == 429
        assert client.post("/login", data={"token": TOKEN}).status_code == 429
        assert logged_in.get("/popular").status_code == 200
        assert client.get("/health").status_code == 200

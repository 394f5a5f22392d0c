"""Raw connections to a server: clients that send what no HTTP library sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

WAIT_SECONDS = 60.0
"""How long a test waits for what must happen; far more than it takes."""


@contextmanager
def connection(address: str) -> Iterator[socket.socket]:
    """A connection to the server at an address such as http://127.0.0.1:8000."""
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port), WAIT_SECONDS) as made:
        yield made


def send_until_closed(client: socket.socket, part: bytes, most: int) -> int:
    """Sends a part again and again, until the server closes or `most` bytes are sent.

    Returns:
        The number of bytes sent.
    """
    sent = 0
    try:
        while sent < most:
            client.sendall(part)
            sent += len(part)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


def received(client: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    parts = []
    try:
        while part := client.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status(answer: bytes) -> int:
    """The status of an answer; 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def resident_bytes(pid: int) -> int:
    """The resident memory of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096

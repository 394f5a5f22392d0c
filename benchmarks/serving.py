"""How fast the API answers, with one worker: `python -m benchmarks.serving`.

Starts a Redis and a server on loopback, fills the one, loads the other from a process of its
own that shares the machine's cores, and prints what it saw. The server's own CPU time stands
beside it: it tells what a core of its own would give. Two figures:

- GET /users/{user}/recommendations from Redis: requests a second with 16 connections, and the
  99th percentile at half of `--rate`, sent at fixed times whatever the answers do;
- POST /reinforce with 100 users a request, at a catalogue of `--items` items: users a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import numpy as np
import redis
import torch
from rich.console import Console
from rich.table import Table

from deploy.servers.redis import Redis
from inference.models.directory import save_policy
from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from rivulet.system.ports import free_port

USERS = 1000
CONNECTIONS = 16
START_SECONDS = 90


class Connection:
    """A keep-alive connection that sends ready-made requests and reads the answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @staticmethod
    async def open(port: int) -> Connection:
        """A connection to the server on loopback."""
        return Connection(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> None:
        """Sends a request and reads its answer.

        Raises:
            RuntimeError: the answer is not 200.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


def get_request() -> bytes:
    """A request for a user's recommendations."""
    user = random.randrange(USERS)
    return f"GET /users/{user}/recommendations HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post_request(items: int, users: int = 100) -> bytes:
    """A request to rank for `users` users with ten items each."""
    histories = np.random.default_rng().integers(0, items, (users, 10)).tolist()
    body = json.dumps({"user": list(range(users)), "item": histories, "n_rec": 8}).encode()
    head = (
        "POST /reinforce HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def flat_out(port: int, make: Callable[[], bytes], connections: int, seconds: float) -> float:
    """Answers a second when every connection asks again at once."""
    end = time.perf_counter() + seconds

    async def work() -> int:
        connection = await Connection.open(port)
        done = 0
        while time.perf_counter() < end:
            await connection.ask(make())
            done += 1
        connection.close()
        return done

    begun = time.perf_counter()
    done = await asyncio.gather(*(work() for _ in range(connections)))
    return sum(done) / (time.perf_counter() - begun)


async def at_rate(
    port: int, make: Callable[[], bytes], rate: float, connections: int, seconds: float
) -> list[float]:
    """Seconds to each answer, counted from when its request was due."""
    begun = time.perf_counter() + 0.1
    taken: list[float] = []

    async def work(first: int) -> None:
        connection = await Connection.open(port)
        for number in range(first, int(rate * seconds), connections):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await connection.ask(make())
            taken.append(time.perf_counter() - due)
        connection.close()

    await asyncio.gather(*(work(first) for first in range(connections)))
    return taken


def fill_redis(url: str) -> None:
    """A recommendation for every user."""
    client = redis.Redis.from_url(url)
    with client.pipeline() as together:
        for user in range(USERS):
            together.rpush(f"recommendations:{user}", *range(user, user + 8))
            together.set(f"recommendations:{user}:time", 1_511_575_200)
        together.execute()
    client.close()


def save_model(directory: Path, items: int) -> None:
    """An untrained REINFORCE model: its speed does not depend on its weights."""
    torch.manual_seed(0)
    sizes = Sizes(items=items, users=USERS, item_dim=32, user_dim=32)
    info = ModelInfo("reinforce", "bench", sizes)
    ids = IdMap(np.arange(items)), IdMap(np.arange(USERS))
    save_policy(directory, Network("reinforce", sizes), *ids, info)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers and its models are loaded."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/models", timeout=START_SECONDS)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def cpu_seconds(process: int) -> float:
    """The CPU time that a process has had (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(
    port: int, process: int, rate: float, items: int, seconds: float
) -> list[tuple[str, str]]:
    """The figures, each with its name."""
    warm: list[Awaitable[object]] = [
        flat_out(port, get_request, 4, 1),
        flat_out(port, lambda: post_request(items), 2, 1),
    ]
    for one in warm:
        await one
    before = cpu_seconds(process)
    flat = await flat_out(port, get_request, CONNECTIONS, seconds)
    of_get = (cpu_seconds(process) - before) / (flat * seconds)
    taken = await at_rate(port, get_request, rate / 2, CONNECTIONS, seconds)
    middle, late = np.percentile(taken, [50, 99]) * 1000
    before = cpu_seconds(process)
    ranked = 100 * await flat_out(port, lambda: post_request(items), 2, seconds)
    of_user = (cpu_seconds(process) - before) / (ranked * seconds)
    return [
        ("GET recommendations from Redis, 16 connections", f"{flat:,.0f} requests/s"),
        ("the server's CPU time for one", f"{1000 * of_get:.2f} ms"),
        (f"the same at {rate / 2:,.0f} requests/s: p50, p99", f"{middle:.1f} ms, {late:.1f} ms"),
        (f"POST /reinforce, 100 users a request, {items:,} items", f"{ranked:,.0f} users/s"),
        ("the server's CPU time for a user", f"{1000 * of_user:.2f} ms"),
    ]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--rate", type=float, default=1500, help="requests/s (default: 1500)")
    parser.add_argument("--items", type=int, default=100_000, help="items (default: 100000)")
    parser.add_argument("--seconds", type=float, default=5, help="for each figure (default: 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Redis(Path(folder)) as store:
        fill_redis(store.url)
        save_model(Path(folder) / "model", options.items)
        port = free_port()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "serving", f"--port={port}", f"--store={store.url}"),
                f"--model={folder}/model",
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(port, process)
            figures = asyncio.run(
                measure(port, process.pid, options.rate, options.items, options.seconds)
            )
        finally:
            process.terminate()
            process.wait(15)
    table = Table("what", "figure", title="Serving, 1 worker")
    for figure in figures:
        table.add_row(*figure)
    Console().print(table)


if __name__ == "__main__":
    main()

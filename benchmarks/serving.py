"""Speed of the API with one worker.

    python -m benchmarks.serving

Starts Redis and a server on loopback and sends requests from this process, which shares the CPU
cores. The server's CPU time is shown too; it gives the speed on a core of its own.

- GET /users/{user}/recommendations from Redis: requests a second with 16 connections, and the
  latency at half of `--rate`, where requests are sent at fixed times;
- GET /items/{item}/similar: requests a second for 1,000 items whose lists are known, and for
  others of the `--items` items, whose lists have to be computed;
- POST /reinforce with 100 users a request and `--items` items: users a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import redis
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings
from deploy.servers.redis import Redis
from inference.models.directory import save_policy
from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from rivulet.settings import option
from rivulet.system.ports import free_port

USERS = 1000
CONNECTIONS = 16
START_SECONDS = 90


@dataclass(frozen=True)
class ServingBenchmarkSettings:
    """Benchmark.

    Attributes:
        rate: requests a second; the latency is measured at half of it.
        items: items of the model.
        seconds: duration of each measurement, in seconds.
    """

    rate: float = option(1500.0, "N", above=0)
    items: int = option(100_000, "N", least=10)
    seconds: float = option(5.0, "SECONDS", above=0)


class Connection:
    """A persistent connection that sends encoded requests and reads the responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @staticmethod
    async def open(port: int) -> Connection:
        """A connection to the server on loopback."""
        return Connection(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> None:
        """Sends a request and reads its response.

        Raises:
            RuntimeError: the status is not 200.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)

    def close(self) -> None:
        """Closes the connection."""
        self._writer.close()


def get_request() -> bytes:
    """A request for a user's recommendations."""
    user = random.randrange(USERS)
    return f"GET /users/{user}/recommendations HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def similar_request(item: int) -> bytes:
    """A request for the items that are similar to an item."""
    return f"GET /items/{item}/similar HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post_request(items: int, users: int = 100) -> bytes:
    """A request to rank for `users` users with ten items each."""
    histories = np.random.default_rng().integers(0, items, (users, 10)).tolist()
    body = json.dumps({"user": list(range(users)), "item": histories, "n_rec": 8}).encode()
    head = (
        "POST /reinforce HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def closed_loop(
    port: int, make: Callable[[], bytes], connections: int, seconds: float
) -> float:
    """Responses a second when each connection sends the next request at once."""
    end = time.perf_counter() + seconds

    async def work() -> int:
        connection = await Connection.open(port)
        done = 0
        while time.perf_counter() < end:
            await connection.ask(make())
            done += 1
        connection.close()
        return done

    started = time.perf_counter()
    done = await asyncio.gather(*(work() for _ in range(connections)))
    return sum(done) / (time.perf_counter() - started)


async def ask_once(port: int, request: bytes) -> None:
    """Sends one request on a connection of its own."""
    connection = await Connection.open(port)
    await connection.ask(request)
    connection.close()


async def open_loop(
    port: int, make: Callable[[], bytes], rate: float, connections: int, seconds: float
) -> list[float]:
    """Seconds from the time when each request is due to its response."""
    started = time.perf_counter() + 0.1
    latencies: list[float] = []

    async def work(first: int) -> None:
        connection = await Connection.open(port)
        for number in range(first, int(rate * seconds), connections):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await connection.ask(make())
            latencies.append(time.perf_counter() - due)
        connection.close()

    await asyncio.gather(*(work(first) for first in range(connections)))
    return latencies


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
    """Saves an untrained REINFORCE model; the speed does not depend on the weights."""
    torch.manual_seed(0)
    sizes = Sizes(items=items, users=USERS, item_dim=32, user_dim=32)
    info = ModelInfo("reinforce", "bench", sizes)
    ids = IdMap(np.arange(items)), IdMap(np.arange(USERS))
    save_policy(directory, Network("reinforce", sizes), *ids, info)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until the server answers and its models are loaded."""
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
    """CPU time of a process, in seconds (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(
    port: int, process: int, rate: float, items: int, seconds: float
) -> list[tuple[str, str]]:
    """Measures, and returns the figures with their names."""
    others = iter(np.random.default_rng(0).permutation(np.arange(USERS, items)).tolist())
    warm: list[Awaitable[object]] = [
        closed_loop(port, get_request, 4, 1),
        *(ask_once(port, similar_request(item)) for item in range(USERS)),
        closed_loop(port, lambda: post_request(items), 2, 1),
    ]
    for one in warm:
        await one
    before = cpu_seconds(process)
    speed = await closed_loop(port, get_request, CONNECTIONS, seconds)
    of_get = (cpu_seconds(process) - before) / (speed * seconds)
    latencies = await open_loop(port, get_request, rate / 2, CONNECTIONS, seconds)
    middle, late = np.percentile(latencies, [50, 99]) * 1000
    before = cpu_seconds(process)
    similar = await closed_loop(
        port, lambda: similar_request(random.randrange(USERS)), CONNECTIONS, seconds
    )
    of_similar = (cpu_seconds(process) - before) / (similar * seconds)
    computed = await closed_loop(
        port, lambda: similar_request(next(others)), CONNECTIONS, min(seconds, items / 20_000)
    )
    before = cpu_seconds(process)
    ranked = 100 * await closed_loop(port, lambda: post_request(items), 2, seconds)
    of_user = (cpu_seconds(process) - before) / (ranked * seconds)
    return [
        ("GET recommendations from Redis, 16 connections", f"{speed:,.0f} requests/s"),
        ("the server's CPU time of a request", f"{1000 * of_get:.2f} ms"),
        (f"the same at {rate / 2:,.0f} requests/s: p50, p99", f"{middle:.1f} ms, {late:.1f} ms"),
        ("GET similar items of 1,000 items", f"{similar:,.0f} requests/s"),
        ("the server's CPU time of a request", f"{1000 * of_similar:.2f} ms"),
        ("GET similar items, each for the first time", f"{computed:,.0f} requests/s"),
        (f"POST /reinforce, 100 users a request, {items:,} items", f"{ranked:,.0f} users/s"),
        ("the server's CPU time of a user", f"{1000 * of_user:.2f} ms"),
    ]


def main() -> None:
    """Runs the benchmark."""
    options = read_settings("serving", __doc__, ServingBenchmarkSettings)
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
    table = Table("measurement", "figure", title="Serving, 1 worker")
    for figure in figures:
        table.add_row(*figure)
    Console().print(table)


if __name__ == "__main__":
    main()

"""A server as a user starts it: its own process, a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from rivulet.system.ports import free_port

ROOT = Path(__file__).parents[2]
_START_SECONDS = 150
_STORE_SECONDS = 60.0


@contextmanager
def serving(
    folder: Path,
    *options: str,
    token: str = "",
    models: bool = True,
    store_timeout: float = _STORE_SECONDS,
) -> Iterator[str]:
    """Runs `python -m serving` in `folder`; gives its address without a slash at the end."""
    options = (*options, f"--store_timeout={store_timeout}")
    with serving_process(folder, *options, token=token, models=models) as (address, _):
        yield address


@contextmanager
def serving_process(
    folder: Path, *options: str, token: str = "", models: bool = True
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Runs `python -m serving` in `folder`; gives its address and the process.

    Its output is in `serving.log`.
    """
    port = free_port()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RIVULET_TOKEN": token}
    address = f"http://127.0.0.1:{port}"
    with (folder / "serving.log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "serving",
                "--port",
                str(port),
                "--interval",
                "0.2",
                *options,
                *([] if models else ["--model", "none"]),
            ],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, address, folder, models)
        yield address, process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _wait(process: subprocess.Popen[bytes], address: str, folder: Path, models: bool) -> None:
    """Until it answers; with `models`, until these are loaded (that route waits for them)."""
    deadline = time.monotonic() + _START_SECONDS
    path = "/models" if models else "/health"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(address + path, timeout=_START_SECONDS)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((folder / "serving.log").read_text())

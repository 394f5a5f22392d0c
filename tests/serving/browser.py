"""The system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """The path of Chromium; as root it is installed by apt if it is missing.

    Raises:
        RuntimeError: it is missing and cannot be installed.
    """
    for _ in range(2):
        for name in ("chromium", "chromium-browser", "google-chrome"):
            found = shutil.which(name)
            if found:
                return found
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            break
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in ("update", "install -y --no-install-recommends chromium"):
            subprocess.run(
                ["apt-get", "-qq", *command.split()],
                env=environment,
                capture_output=True,
                timeout=240,
                check=False,
            )
    raise RuntimeError("the tests of the page need Chromium: apt-get install chromium")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser; `expect` waits for a minute, as other work may hold the page up."""
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield made
        finally:
            made.close()

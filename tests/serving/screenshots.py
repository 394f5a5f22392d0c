"""Pictures of the page: `python -m tests.serving.screenshots FOLDER [URL]`.

Without a URL it starts `python -m pipelines.page` on half an hour of simulated clicks, waits
until the job has come to the clock, and stops it afterwards.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.serving.browser import browser
from tests.serving.running import ROOT

SIZES = {
    "page": (1240, 1180, "light"),
    "page-dark": (1240, 1180, "dark"),
    "page-phone": (390, 1180, "light"),
}
PARTS = {"user": "#users"}
_PATIENCE_SECONDS = 400


@contextmanager
def live_page() -> Iterator[str]:
    """The address of a page whose job has come to the clock."""
    with TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.page", "--port=0", "--past=35", "--folder=page"],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            address = re.search(r"http://[^ ]*/", process.stdout.readline())[0].rstrip("/")
            _wait(address)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _wait(address: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job = httpx.get(f"{address}/job", timeout=30).json()
        if time.time() - (job.get("closed_to") or 0) < 60:
            time.sleep(30)  # the clock's own pace shows in the throughput
            return
        time.sleep(1)
    raise SystemExit("the job did not come to the clock")


def lively_user(address: str) -> int:
    """A user on whose lists much came of late."""

    def earned(user: int) -> float:
        lists = httpx.get(
            f"{address}/users/{user}/recommendations?limit=6&outcomes=true", timeout=30
        ).json()["recommendations"]
        return sum(outcome["reward"] for one in lists for outcome in one["outcomes"] or ())

    users = httpx.get(f"{address}/users?limit=40", timeout=30).json()["users"]
    return int(max(users, key=earned))


def take(address: str, folder: Path) -> None:
    """Takes the pictures once the page has its numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    user = lively_user(address)
    with browser() as made:
        for name, (width, height, scheme) in SIZES.items():
            page = made.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(f"{address}/?user={user}")
            page.get_by_text("live", exact=True).wait_for(timeout=60_000)
            page.locator("#users .chip.hit").first.wait_for(timeout=60_000)
            page.wait_for_timeout(2500)
            page.screenshot(path=folder / f"{name}.png")
            if name == "page":
                for part, selector in PARTS.items():
                    page.locator(selector).screenshot(path=folder / f"{part}.png")
            page.close()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        take(sys.argv[2].rstrip("/"), Path(sys.argv[1]))
    else:
        with live_page() as running:
            take(running, Path(sys.argv[1]))

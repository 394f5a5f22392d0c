"""Pictures of a running page: `python -m tests.serving.screenshots URL FOLDER [USER]`.

Writes page.png (light), page-dark.png and page-phone.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.serving.browser import browser

SIZES = {
    "page": (1240, 860, "light"),
    "page-dark": (1240, 860, "dark"),
    "page-phone": (390, 844, "light"),
}


def take(address: str, folder: Path, user: str = "") -> None:
    """Takes the pictures once the page has its numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as made:
        for name, (width, height, scheme) in SIZES.items():
            page = made.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(f"{address}/?user={user}" if user else address)
            page.get_by_text("live", exact=True).wait_for(timeout=20_000)
            page.wait_for_timeout(2500)
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    take(sys.argv[1].rstrip("/"), Path(sys.argv[2]), *sys.argv[3:4])

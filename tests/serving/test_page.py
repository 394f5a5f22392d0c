"""The page in a real browser."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from deploy.servers.redis import Redis
from tests.serving.browser import browser
from tests.serving.running import serving
from tests.serving.tables import END, fill, sample
from tests.serving.test_items import catalogue

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that fails the test if it calls another host or says an error."""
    made = chromium.new_page()
    wrong: list[str] = []
    made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    own = ("http://127.0.0.1:", "data:")
    made.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(asked.url))
    yield made
    made.close()
    # That there is no graph, and that a store has no answer, is said by a status of its own.
    assert [text for text in wrong if "the server responded with a status" not in text] == []


def test_the_page_shows_what_the_store_has(page: Page, server: str) -> None:
    page.goto(server)
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    first = page.locator("#popular tbody tr").first
    expect(first).to_contain_text("11")
    expect(first).to_contain_text("▲ 1")
    expect(page.locator("#popular tbody tr").last).to_contain_text("new")
    expect(page.locator("#tiles")).to_contain_text("12,330")
    expect(page.locator("#policy-table")).to_contain_text("34.0 %")
    expect(page.locator("#hit-chart canvas")).to_be_visible()
    expect(page.locator("#user-answer")).to_contain_text("21 ✓ buy")
    expect(page.locator("#activity-chart")).to_contain_text("views")
    expect(page.locator("#dead")).to_contain_text("<b>x</b>,y")
    expect(page.locator("#decisions")).to_contain_text("+0.500 (+0.250 to +0.750)")
    expect(page.locator("#decisions")).to_contain_text("<b>by hand</b>")
    expect(page.locator("#loop-note")).to_contain_text("v2 (10.0 % of the users)")
    expect(page.locator("#graph-note")).not_to_be_empty()


def test_a_user_is_looked_up_by_keyboard(page: Page, server: str) -> None:
    page.goto(server)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator("#user-id").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("#user-answer")).to_contain_text("Last events of user 2")
    page.locator("#user-id").fill("77")
    page.keyboard.press("Enter")
    expect(page.locator("#user-answer")).to_contain_text("No store knows user 77")


def test_dead_letters_of_one_reason_by_keyboard(page: Page, server: str) -> None:
    page.goto(server)
    rows = page.locator("#dead tbody tr")
    expect(rows).to_have_count(3)
    expect(page.get_by_role("region", name="Dead letters")).to_have_count(1)
    page.get_by_role("button", name="late 1").press("Enter")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("1,2,3")
    expect(page.get_by_role("button", name="late 1")).to_be_focused()
    page.get_by_role("button", name="all", exact=True).press("Enter")
    expect(rows).to_have_count(3)


def test_dark_at_a_press_and_kept(page: Page, server: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(server)
    page.locator("#theme").press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("#theme").click()


def test_phone_width_needs_no_sideways_scrolling(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(server)
    expect(page.locator("#user-answer")).to_contain_text("21")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_documentation_comes_from_this_host_alone(page: Page, server: str) -> None:
    page.goto(f"{server}/docs")
    expect(page.get_by_text("/users/{user}/recommendations")).to_be_visible()


def test_from_no_store_to_numbers_without_a_reload(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path, models=False) as address:
        page.goto(address)
        expect(page.locator("#notices")).to_contain_text("is not there yet")
        expect(page.locator("#popular-note")).to_contain_text("No window")
        fill(f"sqlite:///{tmp_path}/rivulet.db", sample())
        expect(page.locator("#popular tbody tr").first).to_contain_text("11")
        expect(page.locator("#notices")).to_be_empty()
        page.goto("about:blank")


def test_a_user_on_the_page_is_kept_fresh(page: Page, tmp_path: Path) -> None:
    rows = sample()
    fill(f"sqlite:///{tmp_path}/rivulet.db", rows)
    catalogue(f"sqlite:///{tmp_path}/rivulet.db", i11=1, i12=1, i13=1)
    with serving(tmp_path, models=False) as address:
        page.goto(f"{address}/?user=2")
        expect(page.locator("#popular tbody tr").first).to_contain_text("item 11")
        answer = page.locator("#user-answer")
        expect(answer).to_contain_text("nothing so far")
        new = (2, 13, "buy", END + 10)
        shown = (2, END, [13, 14], "reinforce-1", [1.0, 1.0], 0)
        (worker, *others) = reversed(rows.job_worker)
        fill(
            f"sqlite:///{tmp_path}/rivulet.db",
            replace(
                rows,
                record=[*rows.record, new],
                recommendation=[*rows.recommendation, shown],
                job_worker=[*others, (*worker[:2], worker[2] + 1, worker[3])],
                # The second window is one after the end of the input, with its last event.
                top=[*rows.top, (END + 80, 1, 13, 5), (END + 240, 1, 12, 1)],
            ),
        )
        expect(answer).to_contain_text("item 13 ✓ buy", timeout=15_000)
        expect(answer).to_contain_text("reward 3")
        expect(page.locator("#popular-note")).to_contain_text("last full window")
        expect(page.locator("#popular tbody tr")).to_contain_text("item 13")
        page.goto("about:blank")


def test_alarms_of_the_job_are_shown(page: Page, tmp_path: Path) -> None:
    rows = sample()
    (run, name, updated_at, counts) = rows.job_worker[-1]

    def report(seconds: float, more: dict[str, int]) -> None:
        worker = (run, name, updated_at + seconds, counts | more)
        fill(f"sqlite:///{tmp_path}/rivulet.db", replace(rows, job_worker=[worker]))

    start = time.time()
    updated_at = start
    report(0, {})
    with serving(tmp_path, models=False) as address:
        page.goto(address)
        tiles = page.locator("#tiles")
        expect(tiles).to_contain_text("late")
        expect(tiles).not_to_contain_text("from the future")
        expect(tiles).not_to_contain_text("expired")
        expect(tiles).not_to_contain_text("alarm")
        report(time.time() - start, {"late_alarms": 1, "future": 31, "expired": 17})
        expect(tiles.locator(".alarm", has_text="late: alarm")).to_be_visible(timeout=30_000)
        expect(tiles.locator(".alarm", has_text="from the future")).to_contain_text("31")
        expect(tiles.locator(".alarm", has_text="expired")).to_contain_text("17")
        page.goto("about:blank")


@pytest.mark.servers
def test_a_store_that_goes_down_is_named_and_what_it_said_stays(page: Page, tmp_path: Path) -> None:
    with Redis(tmp_path / "redis") as store:
        client = redis.Redis.from_url(store.url)
        client.rpush("popular:items", 4711)
        client.set("popular:window_end", END)
        client.close()
        with serving(tmp_path, f"--store={store.url}", models=False) as address:
            page.goto(address)
            expect(page.locator("#popular tbody tr")).to_contain_text("4711")
            expect(page.locator("#notices")).to_be_empty()
            store.stop()
            expect(page.locator("#notices")).to_contain_text("is down", timeout=15_000)
            expect(page.locator("#popular tbody tr")).to_contain_text("4711")
            page.goto("about:blank")


def test_a_dead_store_is_named(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path, "--store=redis://127.0.0.1:1/0", models=False) as address:
        page.goto(address)
        expect(page.locator("#notices")).to_contain_text("redis://127.0.0.1:1/0 is down")
        for place in ("#popular-note", "#user-answer"):
            expect(page.locator(place)).to_contain_text("no answer from redis://127.0.0.1:1/0")
        page.goto("about:blank")

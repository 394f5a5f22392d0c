"""Jobs with different prefixes in one store: none sees or changes what another one wrote."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rivulet.prefixes import split_prefix, store_name
from rivulet.urls import URLError
from serving.stores.base import Reader, horizon_of
from serving.stores.opening import open_reader
from sinks import open_source
from sinks.base import Store, StoreLimits, WorkerCounts
from tests.sinks.databases import make_database
from tests.sinks.frames import events, ranking, recommendations, related
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.events import EventBatch
from transforms.messages.job import JobSettings
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.related import RelatedItems

T = 1_500_000_000
FUTURE = 2_000_000_000
PREFIXES = ("", "shop_")
SERVERS = ("mysql", "postgres", "mongo", "redis_url")


@pytest.fixture(params=["sqlite", *(pytest.param(s, marks=pytest.mark.servers) for s in SERVERS)])
def url(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> str:
    """A store that nothing else uses."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    server = request.getfixturevalue(request.param)
    if request.param == "redis_url":
        return str(server)
    if request.param == "mongo":
        return str(server.url.replace("/rivulet", f"/{unique}"))
    return make_database(server, unique)


def opened(url: str, prefix: str) -> Store:
    source = open_source(f"{url}?prefix={prefix}" if prefix else url)
    assert source.name.endswith(f"?prefix={prefix}" if prefix else url.rpartition("/")[2])
    return source.limited(StoreLimits(retention=86_400)).open()


def write(store: Store, at: int, own: int) -> None:
    """What a job writes: all of its rows have an item of its own."""
    store.prepare()
    store.writer(JobSettings)(JobSettings.of(at, {"history_size": own}))
    store.writer(EventBatch)(events((1, own, "pv", at), (2, own, "buy", at + 1)))
    store.writer(PopularRows)(ranking(at, (own, 3)))
    store.writer(RelatedItems)(related(at, (5, [(own, 3)])))
    store.writer(CatalogueItems)(CatalogueItems(("a",), (T,), (True,), (f'{{"price": {own}}}',)))
    store.writer(Recommendations)(recommendations((1, at, [own]), (2, at, [own])))
    if "sqlite" in store.name or "sql" in store.name:
        store.writer(WorkerCounts)(WorkerCounts(at, "w", 1.0, {"read": own}))


def seen(url: str, prefix: str) -> Any:
    """All that the API's reader has of a job."""

    async def read() -> Any:
        address = f"{url}?prefix={prefix}" if prefix else url
        reader: Reader = open_reader(address, 60, horizon_of(10**9))
        assert reader.name.endswith(f"?prefix={prefix}" if prefix else url.rpartition("/")[2])
        try:
            return (
                await reader.state(),
                await reader.popular(None, 9),
                [await reader.recommendations(user, 9, 0) for user in (1, 2)],
                [await reader.history(user, 9, 0) for user in (1, 2)],
                sorted(map(int, await reader.users(9))),
                await reader.job_settings(),
                await reader.workers(),
                await reader.items(["a"]),  # type: ignore[attr-defined]
                await reader.related("bought", 5),  # type: ignore[attr-defined]
            )
        finally:
            await reader.close()

    return asyncio.run(read())


def test_jobs_with_prefixes_see_nothing_of_each_other(url: str) -> None:
    stores = {prefix: opened(url, prefix) for prefix in PREFIXES}
    before: dict[str, Any] = {}
    for own, (prefix, store) in enumerate(stores.items(), 5):
        # What is there was written with the other prefix.
        state, *rest = seen(url, prefix)
        assert state in ("empty", "absent")
        assert rest == [[], [[], []], [[], []], [], None, [], [], None]
        write(store, T, own)
        state, (window,), lists, histories, users, settings, _, items, others = seen(url, prefix)
        assert (state, window.items[0].item, users) == ("ok", own, [1, 2])
        assert [shown.items for one in lists for shown in one] == [[own], [own]]
        assert {event.item for events in histories for event in events} == {own}
        assert settings.settings == {"history_size": own}
        assert [item.price for item in items] == [own]
        assert (others.time, others.items, others.counts) == (T, [own], [3])
        # An older list does not replace a newer one.
        store.writer(RelatedItems)(related(T - 1, (5, [(99, 1)])))
        before[prefix] = seen(url, prefix)
    for prefix, other in (PREFIXES, PREFIXES[::-1]):
        store = stores[prefix]
        if "redis" not in url:
            items = [table["item"].to_pylist() for table in store.read_records()]
            assert items == [[5 + PREFIXES.index(prefix)] * 2]
        write(store, FUTURE, 77)
        assert sum(store.remove_future(T + 10, dry_run=False).values()) > 3
        assert sum(store.remove_user([1], dry_run=False).values()) >= 2
        assert store.remove_before(T + 10) > 0 or "redis" in url
        assert seen(url, other) == before[other]
        before[prefix] = seen(url, prefix)
        assert 1 not in before[prefix][4]
    for store in stores.values():
        store.close()


def test_a_prefix_is_taken_out_of_the_url() -> None:
    for given, plain, prefix in (
        ("sqlite:///x.db", "sqlite:///x.db", ""),
        ("sqlite:///x.db?prefix=shop_", "sqlite:///x.db", "shop_"),
        ("mysql://u:p?x@h/db?ssl=1&prefix=a&b=2", "mysql://u:p?x@h/db?ssl=1&b=2", "a"),
        ("redis://h/0?prefix=shop:", "redis://h/0", "shop:"),
    ):
        assert split_prefix(given) == (plain, prefix)
    assert store_name("mysql://u:p@h/db?password=q&prefix=a") == "mysql://u:***@h/db?prefix=a"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///x.db?prefix=",
        "sqlite:///x.db?prefix=Shop_",  # SQLite takes it for shop_.
        "sqlite:///x.db?prefix=sqlite_",
        "sqlite:///x.db?prefix=shop:",
        "mongodb://h/db?prefix=a.b",
        "redis://h/0?prefix=history:",
        "redis://h/0?prefix=a:b:",
        f"redis://h/0?prefix={'a' * 33}",
        "redis://h/0?prefix=a&prefix=b",
    ],
)
def test_a_prefix_that_may_mix_names_up_is_refused(url: str) -> None:
    with pytest.raises(URLError, match="prefix"):
        split_prefix(url)
    with pytest.raises(ValueError, match="prefix"):
        open_source(url)
    with pytest.raises(ValueError, match="prefix"):
        open_reader(url, 1, horizon_of(0))

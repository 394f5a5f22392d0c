"""The model handler ranks once per batch; a model that fails leaves its users popular items."""

import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from inference.handler import Example, PolicyHandler
from inference.models.choices import parse_models
from inference.models.ranker import RETRY_EVERY, LazyRanker, NotLoadedError, RankerCache
from inference.models.registry import RegistrySource
from tests.fakes import LABEL, FakeSource
from tests.inference.models.test_registry import save
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import States


def states(n: int, seed: int) -> States:
    rng = np.random.default_rng(seed)
    return States(rng.integers(0, 99, n), rng.integers(0, 30, (n, 10)), rng.integers(0, 11, n))


class Loads:
    """A source of a given ranker."""

    def __init__(self, ranker: object) -> None:
        self._ranker = ranker

    def load(self) -> object:
        return self._ranker


def answers(handler: PolicyHandler, batch: list[np.ndarray]) -> list[RankedLists]:
    results = list(handler.run_inference(batch, handler.load_model()))
    assert [result.example is tensor for result, tensor in zip(results, batch, strict=True)]
    return [result.inference for result in results]


def test_a_batch_is_ranked_at_once_and_each_example_gets_its_own() -> None:
    calls = []

    class Counting:
        def rank(self, users, *given):  # type: ignore[no-untyped-def]
            calls.append(len(users))
            return FakeSource().rank(users, *given)

    handler = PolicyHandler(Loads(Counting()), 8, False)
    given = [states(n, n) for n in (5, 0, 1, 70)]
    together = answers(handler, [Example(each) for each in given])
    assert calls == [76]
    for each, ranked in zip(given, together, strict=True):
        alone = FakeSource().rank(each.user, each.items, each.length, 8, False)
        for name in ("items", "length", "propensities", "policy"):
            assert getattr(ranked, name).tolist() == getattr(alone, name).tolist()
    assert set(together[3].policy) == {LABEL}


def test_a_model_that_fails_ranks_nothing_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def rank(self, *given):  # type: ignore[no-untyped-def]
            raise RuntimeError("out of memory")

    handler = PolicyHandler(Loads(Broken()), 8, False)
    with caplog.at_level(logging.ERROR):
        first, second = answers(handler, [Example(states(3, 1)), Example(states(4, 2))])
    assert (len(first.items), len(second.items)) == (3, 4)
    for ranked in (first, second):
        assert not ranked.length.any()
        assert not ranked.items.any()
        assert set(ranked.policy) == {b""}
    assert "failed on 7 states" in caplog.text


def test_no_states_need_no_model() -> None:
    handler = PolicyHandler(Loads(None), 8, False)
    (ranked,) = answers(handler, [Example(states(0, 1))])
    assert ranked.items.shape == (0, 8)
    assert handler.get_num_bytes([Example(states(3, 1))]) == 3 * 12 * 8


def test_a_model_that_cannot_be_loaded_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Source:
        tries, there = 0, False

        def load(self) -> FakeSource:
            self.tries += 1
            if not self.there:
                raise OSError("not there")
            return FakeSource()

    now = 0.0
    source = Source()
    kept = LazyRanker(source, lambda: now)
    for seconds in (0, 0.1, RETRY_EVERY - 0.1, RETRY_EVERY + 0.1):
        now = seconds
        with pytest.raises(NotLoadedError):
            kept.load()
    assert source.tries == len(caplog.records) == 2
    source.there = True
    now = 2 * RETRY_EVERY + 0.2
    assert kept.load() is kept.load()
    assert source.tries == 3


def test_a_model_that_is_loaded_early_is_loaded_once() -> None:
    loading, may_end = threading.Event(), threading.Event()
    threads = []

    class Source:
        def load(self) -> FakeSource:
            threads.append(threading.current_thread())
            loading.set()
            assert may_end.wait(120)
            return FakeSource()

    kept = LazyRanker(Source())
    kept.load_early()
    kept.load_early()
    assert loading.wait(120)
    may_end.set()
    assert kept.load() is kept.load()
    assert [thread.name for thread in threads] == ["load models"]


def test_without_a_model_users_are_left_to_popular_items() -> None:
    class Missing:
        def load(self) -> None:
            raise OSError("not there")

    (ranked,) = answers(PolicyHandler(Missing(), 8, False), [Example(states(3, 1))])
    assert len(ranked.items) == 3
    assert not ranked.length.any()


def test_a_process_keeps_the_models_of_its_last_jobs() -> None:
    cache = RankerCache(4)
    first = cache.get("a", FakeSource())
    assert cache.get("a", FakeSource()) is first
    for job in "bcde":
        cache.get(job, FakeSource())
    assert cache.get("e", FakeSource()) is cache.get("e", FakeSource())
    assert cache.get("a", FakeSource()) is not first


def test_jobs_in_one_process_do_not_share_models(tmp_path: Path) -> None:
    for name in ("x", "y"):
        save(tmp_path / name, name)
    handlers = {
        name: PolicyHandler(RegistrySource(parse_models([str(tmp_path / name)])), 8, False)
        for name in ("x", "y")
    }
    # A second job with the first one's model has a copy of its own.
    handlers["z"] = PolicyHandler(RegistrySource(parse_models([str(tmp_path / "x")])), 8, False)
    known = States(np.array([100]), 7 + 3 * np.arange(10)[None], np.array([10]))
    for _ in range(2):
        for name, label in (("x", b"reinforce-x"), ("y", b"reinforce-y"), ("z", b"reinforce-x")):
            (ranked,) = answers(handlers[name], [Example(known)])
            assert set(ranked.policy) == {label}
    rankers = {name: handler.load_model().load() for name, handler in handlers.items()}
    assert len({id(ranker) for ranker in rankers.values()}) == 3


def test_refused_versions_are_counted_once() -> None:
    class Refusing:
        refused = 0

        def rank(self, *given):  # type: ignore[no-untyped-def]
            return FakeSource().rank(*given)

    refusing = Refusing()
    ranker = LazyRanker(Loads(refusing))
    assert ranker.newly_refused() == 0
    ranker.load()
    refusing.refused = 2
    assert [ranker.newly_refused() for _ in range(3)] == [2, 0, 0]
    refusing.refused = 3
    assert ranker.newly_refused() == 1
    fake = LazyRanker(FakeSource())
    fake.load()
    assert fake.newly_refused() == 0

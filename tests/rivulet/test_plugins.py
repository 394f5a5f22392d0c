"""Plugins by name: built-in ones, those of installed packages, and broken ones."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from rivulet import plugins
from rivulet.plugins import PluginError, Plugins

GROUP = "rivulet.examples"
EXAMPLES = Plugins(GROUP, {"join": "os.path:join"})


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("split", "os.path:split", GROUP),
            EntryPoint("join", "os.path:split", GROUP),
            EntryPoint("broken", "no_such_package:thing", GROUP),
            EntryPoint("other", "os.path:dirname", "another.group"),
        ]
    )
    monkeypatch.setattr(plugins, "entry_points", points.select)


def test_names_are_the_built_in_ones_and_those_of_the_group() -> None:
    assert EXAMPLES.names() == ("join", "broken", "split")


def test_a_name_is_found_and_a_built_in_one_is_not_replaced() -> None:
    import os.path

    assert EXAMPLES.find("join") is os.path.join
    assert EXAMPLES.find("split") is os.path.split
    assert EXAMPLES.find("other") is None


def test_a_plugin_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(PluginError, match=r"'broken' \(no_such_package:thing\) cannot be imported"):
        EXAMPLES.find("broken")

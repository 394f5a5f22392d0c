"""Plugins: classes and functions that are found by a name.

Built-in ones are registered in one place each, as `module:attribute`. Installed packages add others
by entry points:

    [project.entry-points."rivulet.encoders"]
    mean = "my_package.mean:Mean"

| group | names | registered in |
|---|---|---|
| `rivulet.sinks` | schemes of stores' URLs | `sinks.urls` |
| `rivulet.algorithms` | learning algorithms | `training.algorithms.registry` |
| `rivulet.encoders` | state encoders | `inference.network.encoders` |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rivulet.errors import UserError


class PluginError(UserError, ValueError):
    """A plugin cannot be imported: one line that names it."""


@dataclass(frozen=True)
class Plugins:
    """What is registered under the names of a group.

    Attributes:
        group: the group of entry points.
        built_in: `module:attribute` of the built-in ones, by name.
    """

    group: str
    built_in: Mapping[str, str]

    def names(self) -> tuple[str, ...]:
        """All names, the built-in ones first."""
        installed = {point.name for point in entry_points(group=self.group)}
        return (*self.built_in, *sorted(installed - self.built_in.keys()))

    def find(self, name: str) -> Any | None:
        """What a name stands for; None where nobody has registered it.

        A built-in name cannot be registered by another package.

        Raises:
            PluginError: it cannot be imported.
        """
        if name in self.built_in:
            return EntryPoint(name, self.built_in[name], self.group).load()
        found = [point for point in entry_points(group=self.group) if point.name == name]
        if not found:
            return None
        try:
            return found[0].load()
        except Exception as error:
            raise PluginError(
                f"{name!r} ({found[0].value}) cannot be imported: {type(error).__name__}: {error}"
            ) from error

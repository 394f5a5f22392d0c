"""All settings of a command: one frozen dataclass for each concern, found by its class."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, cast

from rivulet.settings import ArgumentParser

S = TypeVar("S")


class Configuration:
    """Settings by their class: `configuration[PopularSettings].popular_window`.

    A command that has no such options has no such settings: asking for them is an error, so that
    no step depends on options that the command does not offer.

    Args:
        settings: instances of settings classes (`rivulet.settings`), one per class.
    """

    def __init__(self, *settings: Any) -> None:
        self._settings = {type(one): one for one in settings}

    @staticmethod
    def read(
        parser: ArgumentParser, concerns: Iterable[type[Any]], given: argparse.Namespace
    ) -> Configuration:
        """The settings of a parsed command line; ends the program where they are wrong."""
        return Configuration(*(parser.settings_of(concern, given) for concern in concerns))

    def __getitem__(self, concern: type[S]) -> S:
        try:
            return cast(S, self._settings[concern])
        except KeyError:
            raise KeyError(f"this command has no {concern.__name__}") from None

    def __contains__(self, concern: type[Any]) -> bool:
        return concern in self._settings

    def __iter__(self) -> Iterator[Any]:
        return iter(self._settings.values())

    def replace(self, concern: type[Any], **values: Any) -> Configuration:
        """The same with other values for one concern's fields."""
        changed = dataclasses.replace(self[concern], **values)
        return Configuration(*{**self._settings, concern: changed}.values())

    def changed(self, *concerns: type[Any]) -> list[str]:
        """The options of these concerns whose values are not the defaults, such as `--columns`."""
        return [
            f"--{field.name}"
            for concern in concerns
            if concern in self
            for field in dataclasses.fields(self._settings[concern])
            if getattr(self._settings[concern], field.name) != field.default
        ]

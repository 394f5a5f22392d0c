"""Settings by their class: what a command does not have cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rivulet.configuration import Configuration
from rivulet.settings import ArgumentParser, option


@dataclass(frozen=True)
class First:
    """One concern.

    Attributes:
        size: a size.
        name: a name.
    """

    size: int = option(3, "N")
    name: str = option("x", "NAME")


@dataclass(frozen=True)
class Second:
    """Another one.

    Attributes:
        urls: places.
    """

    urls: tuple[str, ...] = option((), "URL")


def read(*argv: str) -> Configuration:
    parser = ArgumentParser(prog="example")
    concerns = (First, Second)
    for concern in concerns:
        parser.add_settings(concern)
    return Configuration.read(parser, concerns, parser.parse_args(argv))


def test_each_class_has_its_own_values() -> None:
    found = read("--size=5", "--urls=a", "--urls=b")
    assert found[First] == First(5, "x")
    assert found[Second] == Second(("a", "b"))
    assert list(found) == [found[First], found[Second]]


def test_what_a_command_does_not_have_is_an_error() -> None:
    only = Configuration(First())
    assert Second not in only
    with pytest.raises(KeyError, match="Second"):
        only[Second]
    assert only.changed(Second) == []


def test_changed_names_the_options_that_are_not_the_defaults() -> None:
    assert read().changed(First, Second) == []
    assert read("--size=3", "--name=y", "--urls=a").changed(First, Second) == ["--name", "--urls"]
    assert read("--name=y", "--urls=a").changed(Second) == ["--urls"]


def test_replace_gives_another_one() -> None:
    first = read()
    second = first.replace(First, size=9)
    assert (first[First].size, second[First].size) == (3, 9)
    assert second[Second] == Second()

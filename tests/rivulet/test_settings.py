"""Settings: options from fields, help from docstrings, errors in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rivulet.settings import ArgumentParser, option


@dataclass(frozen=True)
class Example:
    """An example's settings.

    Attributes:
        window: events that count,
            in seconds of event time.
        share: a part, 50% for instance.
        sink: a URL; can be given several times.
        quiet: say nothing.
        folder: where it goes.
        token: what clients show.
    """

    window: int = option(3600, "SECONDS", least=1)
    share: float = option(0.5, "SHARE", least=0, most=1)
    sink: tuple[str, ...] = option((), "URL", shown="none")
    quiet: bool = option(False)
    folder: Path | None = option(None, "DIR")
    token: str = option("", "TEXT", secret=True, hidden=True)

    def problems(self) -> list[str]:
        """A window of 13 is wrong."""
        return ["--window=13 is unlucky"] if self.window == 13 else []


def parser() -> ArgumentParser:
    made = ArgumentParser(prog="example")
    made.add_settings(Example)
    return made


def parse(*argv: str) -> Example:
    made = parser()
    return made.settings_of(Example, made.parse_args(argv))


def test_defaults_and_values_have_the_fields_types() -> None:
    assert parse() == Example()
    given = ["--window=60", "--share", "1", "--sink=a", "--sink=b", "--quiet", "--folder=x"]
    assert parse(*given) == Example(60, 1.0, ("a", "b"), True, Path("x"))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--window=0"], "'0' is not a whole number of at least 1"),
        (["--window=1.5"], "'1.5' is not a whole number of at least 1"),
        (["--share=nan"], "'nan' is not a number from 0 to 1"),
        (["--window=13"], "--window=13 is unlucky"),
        (["--wind=5"], "unrecognized arguments"),
        (["--window=5", "--window", "6"], "--window is given twice: it takes one value"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*argv)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_help_has_texts_units_and_defaults() -> None:
    text = " ".join(parser().format_help().split())
    assert "An example's settings:" in text
    assert "--window SECONDS events that count, in seconds of event time (default: 3600)" in text
    assert "a part, 50% for instance (default: 0.5)" in text
    assert "--sink URL a URL; can be given several times (default: none)" in text
    assert "--token" not in text


def test_a_secret_is_not_in_the_repr() -> None:
    assert "abc" not in repr(parse("--token=abc"))


@dataclass(frozen=True)
class Lists:
    """Options with several values.

    Attributes:
        files: what to read.
        ages: where buckets begin.
        share: an option of Example too.
        plain: no option.
    """

    files: tuple[str, ...] = option(metavar="FILE", several=True)
    ages: tuple[int, ...] = option((18, 25), "YEARS,..", least=0, separated=True)
    share: float = option(0.5, "SHARE", least=0, most=1)
    plain: int = 7


def test_several_values_and_an_option_of_two_classes(capsys: pytest.CaptureFixture[str]) -> None:
    made = parser()
    made.add_settings(Lists)
    given = made.parse_args(["--files", "a", "b", "--files", "c", "--share", "0.1"])
    given.plain = 8
    assert made.settings_of(Lists, given) == Lists(("a", "b", "c"), (18, 25), 0.1, 7)
    assert made.settings_of(Example, given).share == 0.1
    given = made.parse_args(["--files", "a", "--ages", "20, 30"])
    assert made.settings_of(Lists, given).ages == (20, 30)
    assert "(default: 18,25)" in made.format_help()
    for wrong in (["--files", "a", "--ages", "20,x"], []):
        with pytest.raises(SystemExit):
            made.parse_args(wrong)
        assert capsys.readouterr().err.count("\n") == 1

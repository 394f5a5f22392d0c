"""Command lines that are refused: one line that says why, and status 2."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def assert_refused(
    main: Callable[[Sequence[str]], Any],
    capsys: pytest.CaptureFixture[str],
    wrong: Iterable[tuple[Sequence[str], str]],
) -> None:
    """Asserts that a command refuses command lines.

    Args:
        main: the command.
        capsys: of the test.
        wrong: command lines, each with a part of the line that says what is wrong.
    """
    for options, message in wrong:
        with pytest.raises(SystemExit) as left:
            main(options)
        said = capsys.readouterr().err
        assert left.value.code == 2
        assert message in said
        assert said.strip().count("\n") == 0

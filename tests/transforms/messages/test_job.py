"""A job's settings survive the stores, and what is not one is refused."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.messages.job import JobSettings

VALUES = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
SETTINGS = st.builds(
    JobSettings, st.integers(0, 2**62), st.dictionaries(st.text(), VALUES, max_size=5)
)


@given(SETTINGS)
def test_settings_read_back_equal_what_was_written(settings: JobSettings) -> None:
    assert JobSettings.from_json(settings.to_json()) == settings
    assert JobSettings.of(settings.run, settings.settings_json()) == settings


@pytest.mark.parametrize(
    ("run", "settings"),
    [(-1, {}), ("1", {}), (True, {}), (None, None), (1, []), (1, "[]"), (1, {"a": None})],
)
def test_other_values_are_refused(run: object, settings: object) -> None:
    with pytest.raises(ValueError, match="a job's"):
        JobSettings.of(run, settings)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": 1}', "nan"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error or ours
        JobSettings.from_json(text)


def test_the_module_loads_neither_beam_nor_numpy() -> None:
    code = "import sys, transforms.messages.job; print({'apache_beam', 'numpy'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "set()"

"""The settings that a job ran with, as the job records them in its stores.

Readers of the stores take the job's windows and sizes from here instead of assuming defaults.
The module imports neither Beam nor NumPy, so that the web server can use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

Setting = int | float | str

JOB_SETTINGS = (
    "reward_window",
    "history_size",
    "min_history",
    "recommend_window",
    "recommend_period",
    "popular_window",
    "popular_period",
    "popular_size",
    "recommendations",
    "repeat_consumed",
    "exclude_bought",
    "models",
    "catalogue",
)
"""Names of the settings that a job records. Windows and periods are in seconds;
`catalogue` is 1 where the job has one. `models` is how many models rank, 0 where none is used.
`impressions` is 1 where these say which lists count as shown."""


@dataclass(frozen=True)
class JobSettings:
    """The settings of one run of a job.

    Attributes:
        run: start of the run, in milliseconds since the epoch; the newest run counts.
        settings: values by name, see `JOB_SETTINGS`. Names that a reader does not know are kept.
    """

    run: int
    settings: Mapping[str, Setting]

    def settings_json(self) -> str:
        """The settings alone, as one JSON object with sorted names."""
        return json.dumps(dict(self.settings), sort_keys=True)

    def to_json(self) -> str:
        """The run and its settings, as one JSON object."""
        return json.dumps({"run": self.run, "settings": dict(self.settings)}, sort_keys=True)

    @staticmethod
    def of(run: object, settings: object) -> JobSettings:
        """The message from values that were read from a store.

        Args:
            run: milliseconds since the epoch.
            settings: a JSON object as text or bytes, or a mapping.

        Raises:
            ValueError: the values are not those of a job's settings.
        """
        if isinstance(settings, str | bytes):
            settings = json.loads(settings)
        if not isinstance(run, int) or isinstance(run, bool) or run < 0:
            raise ValueError(f"a job's run must be milliseconds since the epoch, not {run!r}")
        if not isinstance(settings, Mapping):
            raise ValueError(f"a job's settings must be a JSON object, not {settings!r}")
        for name, value in settings.items():
            if not isinstance(name, str) or not isinstance(value, int | float | str):
                raise ValueError(f"a job's setting must be a number or a text: {name!r}: {value!r}")
        return JobSettings(run, dict(settings))

    @staticmethod
    def from_json(text: str | bytes) -> JobSettings:
        """The message that `to_json` wrote.

        Raises:
            ValueError: the text is not JSON, or not that of a job's settings.
        """
        value = json.loads(text)
        if not isinstance(value, Mapping):
            raise ValueError(f"a job's settings must be a JSON object, not {value!r}")
        return JobSettings.of(value.get("run"), value.get("settings"))

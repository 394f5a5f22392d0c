"""Plain bandit logs: one row per item shown, with its reward and its propensity.

A schema (TOML) names the columns of a CSV or Parquet file:

    [fields]
    item = "item_id"
    reward = "click"
    propensity = "propensity_score"
    place = "position"                  # optional; without it all rows have one place
    context = ["user_feature_0"]        # optional; columns that the reward model may use
    user = "user_id"                    # optional; rows of a user are one cluster

The preset `obd` is for the Open Bandit Dataset (Saito et al., NeurIPS 2021).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.estimation.rows import EstimationError, Floats, Int64s

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "obd": {
        "item": "item_id",
        "reward": "click",
        "propensity": "propensity_score",
        "place": "position",
        "context": [f"user_feature_{number}" for number in range(4)],
    }
}
"""Fields by preset."""

_KEYS = ("item", "reward", "propensity", "place", "context", "user")
_REQUIRED = ("item", "reward", "propensity")


@dataclass(frozen=True, slots=True)
class BanditFields:
    """Which column of a bandit log is what.

    Attributes:
        item: the item that was shown.
        reward: what it earned.
        propensity: the probability with which it was shown at its place.
        place: the place in the list; "" for none.
        context: columns that the reward model may use.
        user: whose behavior it is; "" for none.
    """

    item: str
    reward: str
    propensity: str
    place: str = ""
    context: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class BanditLog:
    """A bandit log as columns.

    Attributes:
        item: int64 [n], places in `items`.
        items: the different items, as texts, sorted.
        place: int64 [n], places in `places`.
        places: the different places, as texts, sorted.
        reward: float64 [n].
        propensity: float64 [n].
        cluster: int64 [n], the user; each row its own without users.
        context: int64 [n, c], codes of the context's columns.
    """

    item: Int64s
    items: tuple[str, ...]
    place: Int64s
    places: tuple[str, ...]
    reward: Floats
    propensity: Floats
    cluster: Int64s
    context: Int64s

    def take(self, index: npt.NDArray[np.generic]) -> BanditLog:
        """The rows at `index`, with all items and places."""
        rows = ("item", "place", "reward", "propensity", "cluster", "context")
        return replace(self, **{name: getattr(self, name)[index] for name in rows})


def read_fields(schema: str) -> BanditFields:
    """The fields of a preset, or of a schema file.

    Raises:
        EstimationError: there is no such preset or file, or it is not a schema of a bandit log.
    """
    if schema in PRESETS:
        fields: Mapping[str, Any] = PRESETS[schema]
    else:
        try:
            fields = tomllib.loads(Path(schema).read_text(encoding="utf-8")).get("fields", {})
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise EstimationError(
                f"--schema {schema} is neither a preset ({', '.join(PRESETS)}) nor a readable "
                f"TOML file: {error}"
            ) from error
    if unknown := [key for key in fields if key not in _KEYS]:
        raise EstimationError(
            f"{schema}: fields.{unknown[0]} is not a field of a bandit log; these are: "
            f"{', '.join(_KEYS)}"
        )
    if missing := [key for key in _REQUIRED if not fields.get(key)]:
        raise EstimationError(f"{schema}: fields.{missing[0]} is missing")
    context = fields.get("context", [])
    if not isinstance(context, Sequence) or isinstance(context, str):
        raise EstimationError(f"{schema}: fields.context must be a list of columns")
    return BanditFields(**{**fields, "context": tuple(context)})


def read_bandit_log(path: str, fields: BanditFields) -> BanditLog:
    """Reads a bandit log.

    Args:
        path: a CSV file (also compressed) or a Parquet file.
        fields: its columns.

    Raises:
        EstimationError: the file cannot be read, or a column is missing or has bad values.
    """
    columns = [fields.item, fields.reward, fields.propensity, *fields.context]
    columns += [name for name in (fields.place, fields.user) if name]
    try:
        if Path(path).suffix == ".parquet":
            table = pd.read_parquet(path, columns=columns)
        else:
            table = pd.read_csv(path, usecols=columns, dtype="string")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise EstimationError(f"{path}: {error}") from error
    if not len(table):
        raise EstimationError(f"{path} has no rows")
    item, items = pd.factorize(table[fields.item].astype("string"), sort=True)
    place, places = np.zeros(len(table), np.int64), pd.Index([""])
    if fields.place:
        place, places = pd.factorize(table[fields.place].astype("string"), sort=True)
    cluster = np.arange(len(table))
    if fields.user:
        cluster = pd.factorize(table[fields.user].astype("string"))[0]
    context = [pd.factorize(table[name].astype("string"))[0] for name in fields.context]
    return BanditLog(
        item=_codes(path, fields.item, item),
        items=tuple(map(str, items)),
        place=_codes(path, fields.place, place),
        places=tuple(map(str, places)),
        reward=_numbers(path, fields.reward, table[fields.reward]),
        propensity=_numbers(path, fields.propensity, table[fields.propensity]),
        cluster=_codes(path, fields.user, cluster),
        context=np.stack(context, axis=1).astype(np.int64)
        if context
        else np.empty((len(table), 0), np.int64),
    )


def _codes(path: str, column: str, codes: Any) -> Int64s:
    if (missing := np.flatnonzero(codes < 0)).size:
        raise EstimationError(f"{path}: row {missing[0] + 1} has no {column}")
    return np.asarray(codes, np.int64)


def _numbers(path: str, column: str, values: Any) -> Floats:
    numbers: Floats = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if (bad := np.flatnonzero(~np.isfinite(numbers))).size:
        raise EstimationError(f"{path}: row {bad[0] + 1}: {column} is not a finite number")
    return numbers

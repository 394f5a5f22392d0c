"""model.json: what a model directory says about its model. This module needs no PyTorch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.models.files import INFO_BYTES, ModelError, read_file, replace_files
from inference.network.sizes import Sizes
from transforms.messages.id_kinds import INTEGER, ITEM_IDS, USER_IDS, IdKinds
from transforms.messages.ranked_lists import POLICY_BYTES

INFO = "model.json"

SUPERVISED_START = "supervised-start"
"""The name of a policy of which no epoch of an algorithm is a part."""

SIZE_LIMITS = {
    "items": (1, 1 << 28),  # A sort key has 28 bits for a row (inference.search.quantize).
    "users": (0, 1 << 28),
    "item_dim": (1, 898),  # Quantized inner products of longer vectors are not exact.
    "user_dim": (0, 1 << 12),
    "window": (1, 1 << 12),
    "hidden": (1, 1 << 13),
    "neighbours": (0, 1 << 12),
}
"""Smallest and largest value of each size; the largest ones keep a network under 1 GB."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known about a model.

    Attributes:
        algorithm: name of the head, such as reinforce, ddpg or bcq.
        version: distinguishes trainings of one name; by default made from the weights.
        sizes: shape of the network.
        name: what rows call the policy; by default the algorithm. SUPERVISED_START where
            supervised pretraining alone made it, unless the training was given a name.
        fingerprint: SHA-256 of the training data, hexadecimal.
        metrics: what training and evaluation measured, by name.
        training: the options of the training.
        min_history: events that a user needs before the policy ranks for the user; None where
            the training did not say.
        user_ids: the kind of the users' ids, `integer` or `text`.
        item_ids: the kind of the items' ids.
        files: SHA-256, hexadecimal, of each other file of the model directory; empty for a
            directory that was written without digests.
    """

    algorithm: str
    version: str
    sizes: Sizes
    name: str = ""
    fingerprint: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    min_history: int | None = None
    user_ids: str = INTEGER
    item_ids: str = INTEGER
    files: dict[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> IdKinds:
        """The kinds of the ids that the model was trained on."""
        return IdKinds(self.user_ids, self.item_ids)

    def check_ids(self, ids: IdKinds, directory: Path) -> None:
        """Checks that the model knows ids of the job's kinds.

        Raises:
            ModelError: it was trained on ids of other kinds.
        """
        if self.ids != ids:
            raise ModelError(
                f"the model in {directory} was trained on other ids: its {self.ids}; of this job, "
                f"{ids}"
            )

    @property
    def history(self) -> int:
        """Number of a user's last items that the policy reads: its window."""
        return self.sizes.window

    @property
    def label(self) -> str:
        """The `policy` of recommendation rows: name and version, as in reinforce-1f3a9c02."""
        return f"{self.name or self.algorithm}-{self.version}"

    @property
    def identity(self) -> tuple[Any, ...]:
        """What determines the model's lists and their label; two equal ones are one model."""
        return self.algorithm, self.sizes, self.label, tuple(sorted(self.files.items()))


def read_info(directory: Path, root: Path | None = None) -> ModelInfo:
    """Reads the model.json of a model directory.

    Args:
        directory: the model directory.
        root: the folder that must contain the file, also after following links; by default
            `directory`.

    Raises:
        ModelError: the file is missing or not valid.
    """
    path = directory / INFO
    try:
        content = read_file(path, root or directory, INFO_BYTES)
    except FileNotFoundError as error:
        raise ModelError(
            f"{directory} is no model directory: it has no {INFO}; "
            "make one with `python -m training.train`"
        ) from error
    return parse_info(content, path)


def parse_info(content: bytes, path: Path) -> ModelInfo:
    """A model.json's content.

    Args:
        content: the bytes of the file.
        path: its path, for messages.

    Raises:
        ModelError: the content is not valid.
    """
    try:
        given = json.loads(content.decode("utf-8"))
        if type(given) is not dict:
            raise ValueError("it is not a JSON object")
        return _info(given)
    except RecursionError as error:
        raise ModelError(f"{path} is broken: it is nested too deeply") from error
    except ValueError as error:
        raise ModelError(f"{path} is broken: {error}; train the model again") from error


def _info(given: Mapping[str, Any]) -> ModelInfo:
    info = ModelInfo(
        algorithm=_get(given, "algorithm", str),
        version=_get(given, "version", str),
        sizes=_sizes(_get(given, "sizes", dict)),
        name=_get(given, "name", str, ""),
        fingerprint=_get(given, "fingerprint", str, ""),
        metrics=_get(given, "metrics", dict, {}),
        training=_get(given, "training", dict, {}),
        min_history=_get(given, "min_history", int) if given.get("min_history") else None,
        user_ids=_get(given, "user_ids", str, INTEGER),
        item_ids=_get(given, "item_ids", str, INTEGER),
        files=_get(given, "files", dict, {}),
    )
    _ = info.ids  # Refuses other kinds.
    if given.get("history", info.history) != info.history:
        raise ValueError(f"history is {given['history']!r}, but the window is {info.history}")
    if not 0 < (info.min_history or 1) < 1 << 31:
        raise ValueError(f"min_history is {info.min_history}; it must be at least 1")
    if not all(type(digest) is str for digest in info.files.values()):
        raise ValueError("files must map names to digests")
    check_label(info.label)
    return info


def check_label(label: str) -> None:
    """Checks that stores can hold a policy's label.

    Raises:
        ValueError: it is too long, or has control characters.
    """
    if not label.isprintable():
        raise ValueError(f"the label {label!r} has characters that cannot be printed")
    if len(label.encode(errors="replace")) > POLICY_BYTES:
        raise ValueError(f"the label {label[:99]!r} has more than {POLICY_BYTES} bytes of UTF-8")


def _sizes(given: Mapping[str, Any]) -> Sizes:
    for name, (least, most) in SIZE_LIMITS.items():
        default = next(each.default for each in dataclasses.fields(Sizes) if each.name == name)
        value = _get(given, name, int, *([] if default is dataclasses.MISSING else [default]))
        if not least <= value <= most:
            raise ValueError(f"sizes.{name} is {value}; it must lie in [{least}, {most}]")
    # Directories without digests call it copy.
    repeats = _get({"repeats": given.get("copy", False), **given}, "repeats", bool)
    numbers = {name: given[name] for name in SIZE_LIMITS if name in given}
    return Sizes(**numbers, encoder=_get(given, "encoder", str, "attention"), repeats=repeats)


def _get(given: Mapping[str, Any], name: str, kind: type, *default: Any) -> Any:
    value = given.get(name, *default)
    # bool is a subclass of int, so isinstance would accept true for a number.
    if type(value) is not kind:
        found = "missing" if name not in given else f"{str(value)[:40]!r}"
        raise ValueError(f"{name} is {found}; it must be a JSON {_JSON_NAMES[kind]}")
    return value


_JSON_NAMES = {str: "string", int: "integer", bool: "boolean", dict: "object"}


def write_info(directory: Path, info: ModelInfo) -> None:
    """Writes model.json; the file appears as a whole."""
    given = dataclasses.asdict(info)
    files, least = given.pop("files"), given.pop("min_history")
    given["history"] = info.history
    if least is not None:
        given["min_history"] = least
    for name in (USER_IDS, ITEM_IDS):
        if given[name] == INTEGER:
            del given[name]
    if files:
        given["files"] = files
    content = (json.dumps(given, indent=2) + "\n").encode()
    replace_files(directory, {INFO: lambda file: file.write(content)})

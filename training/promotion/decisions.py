"""Which version is in use, and why: the file CURRENT and decisions.jsonl.

A decision is first written whole to `.decision.json`, then CURRENT is replaced, then the line is
added, then `.decision.json` is removed. After a crash between these steps `recover` repeats them:
each is the same when repeated, and a decision's line is in the file once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from inference.models.current import CURRENT, current_directory
from inference.models.files import ModelError, read_file, replace_files
from inference.models.info import INFO, ModelInfo, read_info
from inference.models.stages import parse_current
from rivulet.errors import UserError

DECISIONS = "decisions.jsonl"
PENDING = ".decision.json"
LOCK = ".loop.lock"

MOST_BYTES = 256 << 20
"""Limit of decisions.jsonl, in bytes: some 200,000 decisions."""

_SHOWN = 200

PROMOTE, KEEP, ROLLBACK = "promote", "keep", "rollback"
CANARY, RAMP = "canary", "ramp"


class PromotionError(UserError):
    """A version cannot be promoted or rolled back to: one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of decisions.jsonl.

    Attributes:
        id: name of the decision; a decision that is repeated has the same.
        action: promote, keep or rollback; canary where a version gets a share of the users first,
            ramp where it gets more.
        version: the version in use after it; "" for none.
        before: the version in use before it; "" for none.
        reason: why.
        candidate: the version that was judged; "" for none.
        time: seconds of event time up to which the log counted; 0 for a decision by hand.
        figures: what the decision is based on.
        current: what CURRENT says after it, where it is more than a version's name.
    """

    id: str
    action: str
    version: str
    before: str
    reason: str
    candidate: str = ""
    time: int = 0
    figures: dict[str, Any] = field(default_factory=dict)
    current: str = ""


def read_decisions(folder: Path) -> list[Decision]:
    """The decisions of a folder of versions, the oldest first.

    Raises:
        PromotionError: the file cannot be read, or has a line that is no decision.
    """
    path = folder / DECISIONS
    return [
        _parse(line, f"{path}: line {number}", "mend the line, or remove it")
        for number, line in enumerate(_read(path).split(b"\n"), 1)
        if line.strip()
    ]


def decide(folder: Path, decision: Decision) -> None:
    """Carries out a decision and writes it down.

    Raises:
        PromotionError: decisions.jsonl cannot be read.
    """
    content = json.dumps(asdict(decision)).encode()
    replace_files(folder, {PENDING: lambda file: file.write(content)})
    _carry_out(folder, decision)


def recover(folder: Path) -> None:
    """Ends a decision that a crash interrupted.

    Raises:
        PromotionError: it cannot be read.
    """
    path = folder / PENDING
    if path.exists():
        todo = f"remove it; {CURRENT} says which version is in use"
        _carry_out(folder, _parse(_read(path), str(path), todo))


def _carry_out(folder: Path, decision: Decision) -> None:
    decisions = read_decisions(folder)
    if decision.current or (decision.version and decision.version != in_use(folder)):
        text = (decision.current or f"{decision.version}\n").encode()
        replace_files(folder, {CURRENT: lambda file: file.write(text)})
    if decision.id not in {each.id for each in decisions}:
        lines = [json.dumps(asdict(each)) + "\n" for each in (*decisions, decision)]
        content = "".join(lines).encode()
        replace_files(folder, {DECISIONS: lambda file: file.write(content)})
    (folder / PENDING).unlink(missing_ok=True)


def is_version_name(name: str) -> bool:
    """Whether a text can name a version: a sub-folder, as CURRENT has it."""
    whole = name.isprintable() and name == name.strip() and not name.startswith("{")
    return whole and name not in ("", ".", "..") and Path(name).name == name


def _read(path: Path) -> bytes:
    """A file's content; nothing where there is none."""
    try:
        return read_file(path, path.parent, MOST_BYTES)
    except FileNotFoundError:
        return b""
    except ModelError as error:
        raise PromotionError(f"{path} cannot be read: {error}") from error


def _parse(line: bytes, where: str, todo: str) -> Decision:
    try:
        decision = Decision(**json.loads(line.decode("utf-8")))
        _check(decision)
        asdict(decision)  # Figures may be nested too deeply for it.
    except (ValueError, TypeError, RecursionError, ModelError) as error:
        why = str(error)[:_SHOWN]
        raise PromotionError(f"{where} is no decision: {why}: {todo}") from error
    return decision


def _check(decision: Decision) -> None:
    """Refuses values that are none of a decision's, as a file may have them.

    Raises:
        ValueError: a value is of another kind, or no name of a version.
        ModelError: `current` names no stages.
    """
    kinds = {"time": int, "figures": dict}
    for name in [each.name for each in fields(Decision)]:
        value = getattr(decision, name)
        if type(value) is not kinds.get(name, str):
            raise ValueError(f"{name} is of another kind")
        if type(value) is str:
            value.encode()
    for part in ("version", "before", "candidate"):
        name = getattr(decision, part)
        if name and not is_version_name(name):
            raise ValueError(f"{part} is no name of a version: {name[:_SHOWN]!r}")
    if decision.current:
        parse_current(decision.current.strip(), Path(CURRENT))


def in_use(folder: Path) -> str:
    """The version that CURRENT names; "" where there is no CURRENT.

    Raises:
        ModelError: CURRENT is broken.
    """
    if not (folder / CURRENT).exists():
        return ""
    return current_directory(folder).name


def versions(folder: Path) -> Iterator[tuple[str, ModelInfo]]:
    """The versions in a folder by name, with what their model.json says; broken ones are left out.

    Raises:
        PromotionError: the folder has none.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{INFO}"))
    if not found:
        raise PromotionError(
            f"{folder} has no versions of a model; make one with `python -m training.train "
            f"--output {folder}/NAME`"
        )
    for directory in found:
        try:
            yield directory.name, read_info(directory)
        except ModelError:
            continue


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock: one loop or command at a time changes what is in use.

    Raises:
        PromotionError: another process holds it.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PromotionError(
                f"another process decides on the models in {folder}: wait for it, or stop it"
            ) from error
        yield

"""A job on Flink as its REST interface shows it: counters, watermark, checkpoints, its end."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from pipelines.flink import rest

PREFIX = "rivulet_"
"""How Beam's counters of our namespace begin behind the operator's name."""

NO_WATERMARK = -(1 << 63)
END_OF_TIME = (1 << 63) - 1
YEAR_9999 = 253_402_300_799_000
"""Watermarks (ms) from here on are of steps that hold nothing back."""

ENDED = ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")
POLL_S = 0.2


class FlinkJob:
    """A job of one name, the newest if there are several.

    Args:
        web: the cluster's address, like `http://127.0.0.1:8081`.
        name: the job's name.
    """

    def __init__(self, web: str, name: str) -> None:
        self.web, self.name = web, name
        self._id: str | None = None

    @property
    def id(self) -> str | None:
        """The job's id; None before the cluster knows it."""
        if self._id is None:
            jobs = rest.get(self.web, "/jobs/overview")["jobs"]
            mine = [job for job in jobs if job["name"] == self.name]
            if mine:
                self._id = max(mine, key=lambda job: job["start-time"])["jid"]
        return self._id

    @property
    def page(self) -> str:
        """The address of the job's web page."""
        return f"{self.web}/#/job/running/{self.id}/overview"

    def state(self) -> str | None:
        """Flink's word for its state, like RUNNING; None before the cluster knows it."""
        return str(self._get("")["state"]) if self.id else None

    def counters(self) -> dict[str, int]:
        """Rivulet's counters by name, since the job (re)started."""
        found: dict[str, int] = {}
        for vertex in self._vertices():
            path = f"/vertices/{vertex}/subtasks/metrics"
            names = [metric["id"] for metric in self._list(path)]
            ours = [name for name in names if f".{PREFIX}" in name]
            if not ours:
                continue
            asked = ",".join(quote(name) for name in ours)
            for metric in self._list(f"{path}?get={asked}&agg=sum"):
                name = metric["id"].rpartition(f".{PREFIX}")[2]
                found[name] = found.get(name, 0) + int(metric["sum"])
        return found

    def distributions(self) -> dict[str, list[str]]:
        """Rivulet's distributions by name, as each subtask tells them."""
        found: dict[str, list[str]] = {}
        for vertex in self._get("")["vertices"] if self.id else ():
            for subtask in range(vertex["parallelism"]):
                path = f"/vertices/{vertex['id']}/subtasks/{subtask}/metrics"
                ours = [m["id"] for m in self._list(path) if f".{PREFIX}" in m["id"]]
                asked = ",".join(quote(name) for name in ours)
                for metric in self._list(f"{path}?get={asked}") if ours else ():
                    if not str(metric["value"]).isdigit():
                        name = metric["id"].rpartition(f".{PREFIX}")[2]
                        found.setdefault(name, []).append(metric["value"])
        return found

    def watermarks(self) -> list[int]:
        """All subtasks' watermarks in milliseconds, without the source's own."""
        return [
            int(subtask["value"])
            for vertex in self._vertices()
            for subtask in self._list(f"/vertices/{vertex}/watermarks")
        ]

    def event_time(self) -> int | None:
        """How far all steps have come, in seconds since the epoch; None where none says so yet."""
        marks = [mark for mark in self.watermarks() if mark < YEAR_9999]
        return min(marks) // 1000 if marks and min(marks) > NO_WATERMARK else None

    def seen(self) -> dict[str, int]:
        """What the progress line shows, by the names of `transforms.progress`."""
        try:
            if self.id is None:
                return {}
            counted = self.counters()
            moment = self.event_time()
        except OSError:
            return {}  # Flink is busy, or not up (again) yet; the next look will tell.
        shown = counted.get("recommendations_policy", 0) + counted.get("recommendations_popular", 0)
        found = {"closed": counted.get("closed", 0), "recommendations": shown}
        if moment is not None:
            found["watermark"] = moment
        return found

    def is_idle(self) -> bool:
        """Whether all input is read and the end of time has reached every step."""
        try:
            if self.state() != "RUNNING":
                return False
            marks = self.watermarks()
        except OSError:
            return False
        return bool(marks) and min(marks) == END_OF_TIME

    def checkpoints(self) -> dict[str, Any]:
        """Flink's statistics of the job's checkpoints."""
        return self._get("/checkpoints")

    def state_sizes(self) -> dict[str, int]:
        """Bytes of state by step in the latest checkpoint; nothing before the first."""
        latest = (self.checkpoints().get("latest") or {}).get("completed")
        if not latest:
            return {}
        names = {vertex["id"]: vertex["name"] for vertex in self._get("")["vertices"]}
        tasks = self._get(f"/checkpoints/details/{latest['id']}")["tasks"]
        return {names[vertex]: int(task["state_size"]) for vertex, task in tasks.items()}

    def stop(self, target: str | None = None, drain: bool = False) -> str:
        """Stops the job with a savepoint, and gives the savepoint's place.

        Args:
            target: the folder (a URL) of the savepoint; the cluster's own if None.
            drain: whether the job is at its end, so that nothing is to follow.

        Raises:
            OSError: Flink does not answer, or the savepoint failed.
        """
        what: dict[str, Any] = {"drain": drain}
        if target:
            what["targetDirectory"] = target
        asked = rest.post(self.web, f"/jobs/{self.id}/stop", what)["request-id"]
        while (told := self._get(f"/savepoints/{asked}"))["status"]["id"] != "COMPLETED":
            time.sleep(POLL_S)
        done = told["operation"]
        if "location" not in done:
            cause = str(done.get("failure-cause", {}).get("class", "no reason given"))
            raise OSError(f"Flink made no savepoint ({cause})")
        return str(done["location"])

    def dispose(self, savepoint: str) -> None:
        """Removes a savepoint."""
        rest.post(self.web, "/savepoint-disposal", {"savepoint-path": savepoint})

    def cancel(self) -> None:
        """Ends the job without a savepoint; its last checkpoint stays."""
        rest.patch(self.web, f"/jobs/{self.id}?mode=cancel")

    def _vertices(self) -> list[str]:
        return [vertex["id"] for vertex in self._get("")["vertices"]] if self.id else []

    def _get(self, path: str) -> dict[str, Any]:
        return rest.get(self.web, f"/jobs/{self.id}{path}")

    def _list(self, path: str) -> list[dict[str, Any]]:
        return rest.get_list(self.web, f"/jobs/{self.id}{path}")

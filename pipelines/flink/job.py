"""A job on Flink, by Flink's REST interface: metrics, watermarks, checkpoints, savepoints."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from pipelines.flink import rest

PREFIX = "rivulet_"
"""The prefix of our metrics in Flink, which follows the operator's name."""

MIN_WATERMARK = -(1 << 63)
MAX_WATERMARK = (1 << 63) - 1
YEAR_9999 = 253_402_300_799_000
"""Later watermarks (ms) belong to steps without further input."""

ENDED = ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")
POLL_S = 0.2


class FlinkJob:
    """The newest job of a name.

    Args:
        web: the cluster's address, like `http://127.0.0.1:8081`.
        name: the job's name.
    """

    def __init__(self, web: str, name: str) -> None:
        self.web, self.name = web, name
        self._id: str | None = None

    @property
    def id(self) -> str | None:
        """The job's id; None before the cluster has accepted it."""
        if self._id is None:
            jobs = rest.get(self.web, "/jobs/overview")["jobs"]
            named = [job for job in jobs if job["name"] == self.name]
            if named:
                self._id = max(named, key=lambda job: job["start-time"])["jid"]
        return self._id

    @property
    def page(self) -> str:
        """The address of the job's web page."""
        return f"{self.web}/#/job/running/{self.id}/overview"

    def state(self) -> str | None:
        """Flink's name of its state, like RUNNING; None before the cluster has accepted it."""
        return str(self._get("")["state"]) if self.id else None

    def counters(self) -> dict[str, int]:
        """Rivulet's counters by name, since the job's last (re)start."""
        found: dict[str, int] = {}
        for vertex in self._vertices():
            path = f"/vertices/{vertex}/subtasks/metrics"
            names = [metric["id"] for metric in self._list(path)]
            ours = [name for name in names if f".{PREFIX}" in name]
            if not ours:
                continue
            wanted = ",".join(quote(name) for name in ours)
            for metric in self._list(f"{path}?get={wanted}&agg=sum"):
                name = metric["id"].rpartition(f".{PREFIX}")[2]
                found[name] = found.get(name, 0) + int(metric["sum"])
        return found

    def distributions(self) -> dict[str, list[str]]:
        """Rivulet's distributions by name, one text for each subtask."""
        found: dict[str, list[str]] = {}
        for vertex in self._get("")["vertices"] if self.id else ():
            for subtask in range(vertex["parallelism"]):
                path = f"/vertices/{vertex['id']}/subtasks/{subtask}/metrics"
                ours = [m["id"] for m in self._list(path) if f".{PREFIX}" in m["id"]]
                wanted = ",".join(quote(name) for name in ours)
                for metric in self._list(f"{path}?get={wanted}") if ours else ():
                    if not str(metric["value"]).isdigit():
                        name = metric["id"].rpartition(f".{PREFIX}")[2]
                        found.setdefault(name, []).append(metric["value"])
        return found

    def watermarks(self) -> list[int]:
        """The watermarks of all subtasks with inputs, in milliseconds since the epoch."""
        return [
            int(subtask["value"])
            for vertex in self._vertices()
            for subtask in self._list(f"/vertices/{vertex}/watermarks")
        ]

    def event_time(self) -> int | None:
        """The smallest watermark of all steps, in seconds since the epoch; None if unknown."""
        watermarks = [value for value in self.watermarks() if value < YEAR_9999]
        smallest = min(watermarks, default=MIN_WATERMARK)
        return smallest // 1000 if smallest > MIN_WATERMARK else None

    def progress(self) -> dict[str, int]:
        """The values of the progress line, by the names of `transforms.progress`."""
        try:
            if self.id is None:
                return {}
            counters = self.counters()
            event_time = self.event_time()
        except OSError:
            return {}  # Flink is starting, or too busy to answer.
        recommendations = sum(
            counters.get(f"recommendations_{source}", 0) for source in ("policy", "popular")
        )
        found = {"closed": counters.get("closed", 0), "recommendations": recommendations}
        if event_time is not None:
            found["watermark"] = event_time
        return found

    def is_idle(self) -> bool:
        """Whether all input is read and processed: every watermark is at its maximum."""
        try:
            if self.state() != "RUNNING":
                return False
            watermarks = self.watermarks()
        except OSError:
            return False
        return bool(watermarks) and min(watermarks) == MAX_WATERMARK

    def checkpoints(self) -> dict[str, Any]:
        """Flink's statistics of the job's checkpoints."""
        return self._get("/checkpoints")

    def state_sizes(self) -> dict[str, int]:
        """Bytes of state by step in the latest checkpoint; empty before the first."""
        latest = (self.checkpoints().get("latest") or {}).get("completed")
        if not latest:
            return {}
        names = {vertex["id"]: vertex["name"] for vertex in self._get("")["vertices"]}
        tasks = self._get(f"/checkpoints/details/{latest['id']}")["tasks"]
        return {names[vertex]: int(task["state_size"]) for vertex, task in tasks.items()}

    def errors(self) -> list[str]:
        """The stack traces of what made the job fail or restart, newest first.

        Raises:
            OSError: Flink does not answer.
        """
        if self.id is None:
            return []
        entries = self._get("/exceptions")["exceptionHistory"]["entries"]
        return [
            str(each["stacktrace"])
            for entry in entries
            for each in (entry, *entry.get("concurrentExceptions", ()))
        ]

    def stop(self, target: str | None = None, drain: bool = False) -> str:
        """Stops the job with a savepoint.

        Args:
            target: the folder (a URL) of the savepoint; None for the cluster's default.
            drain: emit the maximum watermark first, so that all windows close.

        Returns:
            The savepoint's location.

        Raises:
            OSError: Flink does not answer, or the savepoint failed.
        """
        arguments: dict[str, Any] = {"drain": drain}
        if target:
            arguments["targetDirectory"] = target
        request = rest.post(self.web, f"/jobs/{self.id}/stop", arguments)["request-id"]
        while (answer := self._get(f"/savepoints/{request}"))["status"]["id"] != "COMPLETED":
            time.sleep(POLL_S)
        operation = answer["operation"]
        if "location" not in operation:
            cause = str(operation.get("failure-cause", {}).get("class", "no reason given"))
            raise OSError(f"Flink made no savepoint ({cause})")
        return str(operation["location"])

    def dispose(self, savepoint: str) -> None:
        """Removes a savepoint."""
        rest.post(self.web, "/savepoint-disposal", {"savepoint-path": savepoint})

    def cancel(self) -> None:
        """Cancels the job without a savepoint; its last checkpoint is retained."""
        rest.patch(self.web, f"/jobs/{self.id}?mode=cancel")

    def _vertices(self) -> list[str]:
        return [vertex["id"] for vertex in self._get("")["vertices"]] if self.id else []

    def _get(self, path: str) -> dict[str, Any]:
        return rest.get(self.web, f"/jobs/{self.id}{path}")

    def _list(self, path: str) -> list[dict[str, Any]]:
        return rest.get_list(self.web, f"/jobs/{self.id}{path}")

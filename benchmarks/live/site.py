"""The servers and processes of the live loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import redis
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.process_reaper import ProcessReaper
from deploy.servers.kafka import Kafka
from deploy.servers.redis import Redis
from rivulet.system.ports import LOOPBACK, free_port

ROOT = Path(__file__).parents[2]
REWARD_WINDOW = 40
"""Seconds of event time: users of this world react at once."""
FILE_SECONDS = 20
"""Seconds of event time in a file of the feedback log."""
PILOT = 1_000_001
"""A user of no world, whose first list says that the job works."""
UP_S = 420.0
"""Seconds of the clock in which the job and the API must be up."""
POLL_S = 1.0
GRACE_S = 10.0


@dataclass
class Site:
    """Processes that end with a stack, and their output.

    Attributes:
        stack: ends servers and processes.
        folder: their files; NAME.txt has a process's output.
        processes: by name.
    """

    stack: ExitStack
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]]

    def start(self, name: str, module: str, flags: Sequence[str]) -> None:
        """Starts a command."""
        out = self.stack.enter_context((self.folder / f"{name}.txt").open("wb"))
        process = subprocess.Popen(
            (sys.executable, "-W", "ignore", "-m", module, *flags),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        self.stack.callback(end_group, process)
        self.processes[name] = process

    def check(self) -> None:
        """Checks that all processes run.

        Raises:
            RuntimeError: one ended.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                said = (self.folder / f"{name}.txt").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} ended with status {process.returncode}: {said}")


def end_group(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """Ends a process that leads a group, and what it started: by SIGTERM, then by SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)


@dataclass(frozen=True)
class Servers:
    """Addresses.

    Attributes:
        bootstrap: Kafka's brokers.
        clicks: topic of the events.
        seen: topic of the impressions.
        store: Redis.
        api: the API.
    """

    bootstrap: str
    clicks: str
    seen: str
    store: str
    api: str


def run_site(site: Site, models: Path, log: Path) -> Servers:
    """Starts Kafka, Redis, the job on an embedded Flink and the API; returns when lists are made.

    Args:
        site: gets the processes.
        models: the versions of the model.
        log: the feedback log.

    Raises:
        RuntimeError: a process ended, or the job made no list in time.
    """
    reaper = site.stack.enter_context(ProcessReaper(site.folder))
    kafka = site.stack.enter_context(Kafka(reaper.folder))
    store = site.stack.enter_context(Redis(reaper.folder)).url
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(name, 1, 1) for name in ("clicks", "seen")])
    admin.close()
    clicks, seen = f"{kafka.url}/clicks", f"{kafka.url}/seen"
    site.start(
        "job", "pipelines.recommend",
        [
            f"--input={clicks}", f"--impressions={seen}", "--record_sink=none",
            f"--popular_sink={store}", f"--recommendation_sink={store}",
            f"--dead_letters={site.folder / 'dead.jsonl'}",
            f"--model={models}", "--min_history=2", "--min_known=0", "--recommend_period=10",
            f"--feedback={log}", f"--feedback_window={FILE_SECONDS}",
            f"--reward_window={REWARD_WINDOW}", "--shards=2",
            "--explore=epsilon:0.5", "--explore_users=1", "--explore_places=4",
            "--explore_pool=24", "--max_out_of_orderness=1",
            "--runner=FlinkRunner",
        ],
    )  # fmt: skip
    port = free_port()
    api = f"http://{LOOPBACK}:{port}"
    site.start(
        "api", "serving",
        [f"--port={port}", f"--store={store}", "--model=none", f"--impressions={seen}",
         "--store_timeout=30"],
    )  # fmt: skip
    servers = Servers(kafka.bootstrap, clicks, seen, store, api)
    _await_lists(site, servers)
    return servers


def _await_lists(site: Site, servers: Servers) -> None:
    """Sends events of the pilot until Redis has a list for it."""
    producer = KafkaProducer(bootstrap_servers=servers.bootstrap)
    store = redis.Redis.from_url(servers.store)
    try:
        end, item = time.monotonic() + UP_S, 0
        while not store.exists(f"recommendations:{PILOT}:time"):
            site.check()
            if time.monotonic() > end:
                raise RuntimeError(f"the job made no list in {UP_S:.0f} s: see {site.folder}")
            item = item % 9 + 1
            row = f"{PILOT},{item},{int(time.time())},pv"
            producer.send("clicks", row.encode(), b"%d" % PILOT)
            time.sleep(POLL_S)
    finally:
        producer.close()
        store.close()

"""Queries about the job: its counters, its policies' results, its events by minute."""

from __future__ import annotations

from serving.queries.base import LIGHT_MINUTES, StoreQueries
from serving.schemas.job import Activity, Job, Policies


class JobQueries(StoreQueries):
    """Queries about the job."""

    async def policies(self, minutes: int) -> Policies | None:
        """The results of each policy."""
        async with self.lane(minutes > LIGHT_MINUTES):
            found, store = await self.stores.first(lambda reader: reader.policy_minutes(minutes))
        return Policies(found, store) if found and store else None

    async def activity(self, minutes: int) -> Activity | None:
        """Events by minute of event time."""
        async with self.lane(minutes > LIGHT_MINUTES):
            found, store = await self.stores.first(lambda reader: reader.event_minutes(minutes))
        return Activity(found, store) if found and store else None

    async def job(self) -> Job | None:
        """The counters of the latest run, over all of its workers."""
        workers, store = await self.stores.first(lambda reader: reader.workers())
        if not workers or not store:
            return None
        counts = [worker.counts for worker in workers]

        def total(name: str) -> int:
            return sum(one.get(name, 0) for one in counts)

        def latest(name: str) -> int | None:
            return max((one[name] for one in counts if name in one), default=None)

        return Job(
            started_at=workers[0].run / 1000,
            updated_at=max(worker.updated_at for worker in workers),
            workers=len(workers),
            read=total("read"),
            closed=total("closed"),
            duplicates=total("duplicates"),
            late=total("late"),
            malformed=total("malformed"),
            recommendations=total("recommendations"),
            read_to=latest("read_to"),
            closed_to=latest("closed_to"),
            store=store,
            late_alarms=total("late_alarms"),
            future=total("future"),
            expired=total("expired"),
        )
